#include "cli/token.h"

#include <boost/json.hpp>
#include <cstdio>

#include "cli/connection.h"

namespace forager::cli {

namespace json = boost::json;

int CreateToken(const TokenRequest& request,
                const std::map<std::string, std::string>& environment) {
  auto server = FindServer(request.data_dir, environment);
  json::object body{{"role", request.role}, {"name", request.name}};
  auto answer = server ? server->Call("POST", "/v1/admin/collection/tokens", json::serialize(body))
                       : Result<std::string>(std::unexpected(server.error()));
  if (!answer) {
    std::fprintf(stderr, "forager: %s\n", answer.error().detail.c_str());
    return 1;
  }
  json::error_code error;
  json::value made = json::parse(*answer, error);
  const json::value* token =
      !error && made.is_object() ? made.get_object().if_contains("token") : nullptr;
  if (!token || !token->is_string()) {
    std::fprintf(stderr, "forager: the server's answer has no token in it\n");
    return 1;
  }
  std::printf("%s\n", token->get_string().c_str());
  return 0;
}

}  // namespace forager::cli
