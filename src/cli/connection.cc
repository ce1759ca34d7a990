#include "cli/connection.h"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <charconv>
#include <fstream>

#include "cli/json_text.h"
#include "job/plain_text.h"

namespace forager::cli {
namespace {

namespace json = boost::json;

constexpr const char* kPackagedDataDir = "/var/lib/forager";

std::string Value(const std::map<std::string, std::string>& environment, const std::string& name) {
  auto found = environment.find(name);
  return found == environment.end() ? "" : found->second;
}

std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return OneValue(line);
}

json::value Parse(const std::string& text) {
  json::error_code error;
  json::value value = json::parse(text, error);
  return error ? json::value() : value;
}

std::string Address(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  if (!url.empty() && url.find("://") == url.npos) url.insert(0, "http://");
  return url;
}

ErrorCode CodeOf(int status) {
  switch (status) {
    case 400:
      return ErrorCode::kMalformed;
    case 401:
      return ErrorCode::kUnauthorized;
    case 403:
      return ErrorCode::kForbidden;
    case 404:
    case 405:
      return ErrorCode::kNotFound;
    case 409:
      return ErrorCode::kConflict;
    case 413:
      return ErrorCode::kTooLarge;
    case 422:
      return ErrorCode::kInvalid;
    case 503:
      return ErrorCode::kUnavailable;
    default:
      return ErrorCode::kInternal;
  }
}

}  // namespace

std::string FindDataDir(const std::string& data_dir,
                        const std::map<std::string, std::string>& environment) {
  std::string folder = !data_dir.empty() ? data_dir : Value(environment, "FORAGER_DATA_DIR");
  if (!folder.empty()) return folder;
  bool packaged = access("./forager-data", F_OK) != 0 &&
                  access((std::string(kPackagedDataDir) + "/server.json").c_str(), R_OK) == 0;
  return packaged ? kPackagedDataDir : "./forager-data";
}

Result<Connection> FindServer(const std::string& url, const std::string& data_dir,
                              const std::map<std::string, std::string>& environment) {
  Connection found;
  found.token = Value(environment, "FORAGER_TOKEN");
  found.data_dir = FindDataDir(data_dir, environment);
  json::value server = Parse(FirstLine(found.data_dir + "/server.json"));
  std::string known = TextAt(server, "url");
  // A data directory on the command line says more than a variable set for the day.
  found.url = Address(!url.empty()       ? url
                      : data_dir.empty() ? Value(environment, "FORAGER_URL")
                                         : "");
  if (found.url.empty()) found.url = known;
  found.from_data_dir = !known.empty() && found.url == known;
  found.ca_file = Value(environment, "FORAGER_CA_FILE");
  if (found.from_data_dir) found.public_key_pin = TextAt(server, "public_key");
  if (found.token.empty() && found.from_data_dir)
    found.token = FirstLine(found.data_dir + "/admin.token");
  if (found.url.empty()) {
    return Fail(ErrorCode::kNotFound, fmt::format("no server runs on {}", found.data_dir));
  }
  return found;
}

void Connection::FindAgain() {
  if (!from_data_dir) return;
  json::value server = Parse(FirstLine(data_dir + "/server.json"));
  if (TextAt(server, "url").empty()) return;
  url = TextAt(server, "url");
  public_key_pin = TextAt(server, "public_key");
}

http::ClientRequest Connection::Request(const std::string& method, const std::string& path) const {
  http::ClientRequest request;
  request.method = method;
  request.url = url + std::string(kBase) + path;
  request.ca_file = ca_file;
  request.public_key_pin = public_key_pin;
  if (!token.empty()) request.headers.emplace_back("Authorization", "Bearer " + token);
  return request;
}

Result<std::string> Connection::Call(const std::string& method, const std::string& path,
                                     const std::string& body) const {
  http::ClientRequest request = Request(method, path);
  if (!body.empty()) request.headers.emplace_back("Content-Type", "application/json");
  if (!idempotency_key.empty()) request.headers.emplace_back("Idempotency-Key", idempotency_key);
  request.body = body;
  if (attend) attend(request);
  auto answer = http::Fetch(request);
  if (answer && answer->interrupted)
    return Fail(ErrorCode::kUnavailable, std::string(kInterruptedCall));
  if (!answer) return std::unexpected(answer.error());
  if (answer->status < 300) return std::move(answer->body);
  return std::unexpected(ErrorOf(*answer));
}

Error ErrorOf(const http::ClientResponse& answer) {
  json::value body = Parse(answer.body);
  Error error{CodeOf(answer.status), TextAt(body, "detail"), {}, {}};
  if (error.detail.empty()) error.detail = fmt::format("the server answered {}", answer.status);
  if (const json::array* fields = At(body, "errors").if_array()) {
    for (const json::value& field : *fields)
      error.fields.push_back({TextAt(field, "field"), TextAt(field, "message")});
  }
  if (answer.status == 503) {
    std::string_view wait = answer.Header("Retry-After");
    int seconds = 1;
    std::from_chars(wait.data(), wait.data() + wait.size(), seconds);
    error.retry_after = std::chrono::seconds(std::clamp(seconds, 1, 600));
  }
  return error;
}

}  // namespace forager::cli
