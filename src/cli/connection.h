// Where the server is and who we are: FORAGER_URL and FORAGER_TOKEN, or server.json and admin.token
// of the data directory.
#pragma once

#include <map>
#include <string>

#include "http/client.h"
#include "job/error.h"

namespace forager::cli {

struct Connection {
  std::string url;
  std::string token;

  // One call of the API; an answer that is no success is an error with its detail.
  Result<std::string> Call(const std::string& method, const std::string& path,
                           const std::string& body = "") const;
};

Result<Connection> FindServer(const std::string& data_dir,
                              const std::map<std::string, std::string>& environment);

}  // namespace forager::cli
