#include "cli/connection.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <fstream>
#include <sstream>

namespace forager::cli {
namespace {

namespace json = boost::json;

std::string Value(const std::map<std::string, std::string>& environment, const std::string& name) {
  auto found = environment.find(name);
  return found == environment.end() ? "" : found->second;
}

std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string Member(const std::string& text, std::string_view name) {
  json::error_code error;
  json::value value = json::parse(text, error);
  if (error || !value.is_object()) return "";
  const json::value* member = value.get_object().if_contains(name);
  return member && member->is_string() ? std::string(member->get_string()) : "";
}

}  // namespace

Result<Connection> FindServer(const std::string& data_dir,
                              const std::map<std::string, std::string>& environment) {
  Connection found{Value(environment, "FORAGER_URL"), Value(environment, "FORAGER_TOKEN")};
  std::string folder = !data_dir.empty() ? data_dir : Value(environment, "FORAGER_DATA_DIR");
  if (folder.empty()) folder = "./forager-data";
  if (found.url.empty()) found.url = Member(FirstLine(folder + "/server.json"), "url");
  if (found.token.empty()) found.token = FirstLine(folder + "/admin.token");
  if (found.url.empty()) {
    return Fail(ErrorCode::kNotFound,
                fmt::format("no server runs on {}; start one with `forager serve --data-dir {}`, "
                            "or set FORAGER_URL and FORAGER_TOKEN",
                            folder, folder));
  }
  return found;
}

Result<std::string> Connection::Call(const std::string& method, const std::string& path,
                                     const std::string& body) const {
  http::ClientRequest request;
  request.method = method;
  request.url = url + path;
  if (!token.empty()) request.headers.emplace_back("Authorization", "Bearer " + token);
  if (!body.empty()) request.headers.emplace_back("Content-Type", "application/json");
  request.body = body;
  auto answer = http::Fetch(request);
  if (!answer) return std::unexpected(answer.error());
  if (answer->status < 300) return answer->body;
  std::string detail = Member(answer->body, "detail");
  return Fail(ErrorCode::kConflict,
              detail.empty() ? fmt::format("the server answered {}", answer->status) : detail);
}

}  // namespace forager::cli
