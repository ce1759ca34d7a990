// `forager token create`: asks a running server, found by its data directory or FORAGER_URL.
#pragma once

#include <map>
#include <string>

namespace forager::cli {

struct TokenRequest {
  std::string role;
  std::string name;
  std::string data_dir;
};

// Prints the token to stdout. Returns the exit code.
int CreateToken(const TokenRequest& request, const std::map<std::string, std::string>& environment);

}  // namespace forager::cli
