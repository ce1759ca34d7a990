#include "cli/client.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <cstdio>
#include <iostream>

#include "cli/json_text.h"
#include "cli/text.h"

namespace forager::cli {
namespace {

namespace json = boost::json;

constexpr std::string_view kNoRoute = "There is no such route";

Result<json::value> Read(const Result<std::string>& answer) {
  if (!answer) return std::unexpected(answer.error());
  if (answer->empty()) return json::value();
  json::error_code error;
  json::value value = json::parse(*answer, error);  // not ParseJson: items may hold 1e400
  if (error) {
    return Fail(ErrorCode::kInternal,
                "the answer is not the API's: is this the address of a forager server?");
  }
  return value;
}

}  // namespace

std::span<const ExitCodeHelp> ExitCodes() {
  static constexpr ExitCodeHelp kAll[] = {
      {kDone, "done; a followed job completed"},
      {kRefused, "the server refused, or something failed; the line on stderr says what"},
      {kUsage, "the command line or a setting is wrong"},
      {kJobFailed, "the followed job failed, or was deleted"},
      {kJobCancelled, "the followed job was cancelled"},
      {kNotInTime, "--timeout was over before the job was"},
      {kNoServer, "the server cannot be reached"},
      {kInterrupted, "ended by Ctrl-C; a followed job goes on"},
      {kPipeClosed, "the reader of the output went away, as with `| head`"},
  };
  return kAll;
}

Query& Query::Add(std::string_view name, std::string_view value) {
  if (value.empty()) return *this;
  text_ += fmt::format("{}{}={}", text_.empty() ? "?" : "&", name, http::PercentEncode(value));
  return *this;
}

Query& Query::Add(std::string_view name, std::int64_t value) {
  return Add(name, std::to_string(value));
}

std::string Query::On(std::string_view path) const { return std::string(path) + text_; }

std::string JobPath(std::string_view id, std::string_view tail) {
  return fmt::format("/jobs/{}{}", http::PercentEncode(id), tail);
}

Result<json::value> Client::Get(const std::string& path) const {
  return Read(server.Call("GET", path));
}

Result<json::value> Client::Send(const std::string& method, const std::string& path,
                                 const json::value& body) const {
  return Read(server.Call(method, path, body.is_null() ? "" : CompactJson(body)));
}

Result<json::value> Client::Post(const std::string& path) const { return Send("POST", path, {}); }

Result<json::value> Client::Delete(const std::string& path) const {
  return Send("DELETE", path, {});
}

void Client::PrintJson(const json::value& value) {
  out.Line(format == Format::kJson ? PrettyJson(value) : CompactJson(value));
}

int Client::Complain(const Error& error, std::string_view next) const {
  std::string what = error.detail;
  for (std::size_t i = 1; i < error.fields.size(); ++i)
    what += fmt::format("\n  {} {}", error.fields[i].field, error.fields[i].message);
  if (error.detail.starts_with(kNoRoute))
    next = "the server is older than this command line: `forager doctor` tells its version";
  bool ours = error.code == ErrorCode::kNotFound || error.code == ErrorCode::kConflict ||
              error.code == ErrorCode::kInvalid;
  return cli::Complain(what, ours && !next.empty() ? std::string(next) : NextStep(error, server),
                       ExitCodeOf(error));
}

void Client::Note(std::string_view text) const {
  std::fprintf(stderr, "%s\n", error_style.In(Tone::kDim, Lines(text)).c_str());
}

bool Client::Confirm(std::string_view question) const {
  if (!IsTerminal(0) || !error_is_terminal) return false;
  std::fprintf(stderr, "%s [y/N] ", OneLine(question).c_str());
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

int Complain(std::string_view what, std::string_view next, int code) {
  std::fprintf(stderr, "forager: %s\n", Lines(what).c_str());
  if (!next.empty()) std::fprintf(stderr, "  next: %s\n", Lines(next).c_str());
  return code;
}

std::string NextStep(const Error& error, const Connection& server) {
  switch (error.code) {
    case ErrorCode::kUnauthorized:
      return server.token.empty()
                 ? "set FORAGER_TOKEN; on the server's machine `forager token create --role "
                   "operator --name ME --data-dir DIR` makes a token"
                 : "the token may be revoked or another server's; `forager token create` on the "
                   "server's machine makes a new one for FORAGER_TOKEN";
    case ErrorCode::kForbidden:
      return "ask an admin for a token of a greater role (`forager token create --role ...`)";
    case ErrorCode::kUnavailable:
      if (error.retry_after) return fmt::format("try again in {} s", error.retry_after->count());
      return server.from_data_dir
                 ? fmt::format(
                       "`forager serve --data-dir {}` starts it; `forager doctor` looks "
                       "for what is wrong",
                       server.data_dir)
                 : "check the address in FORAGER_URL or --url; `forager doctor` looks for more";
    case ErrorCode::kInternal:
      return "`forager doctor` looks for what is wrong; the server's log has more";
    default:
      return "";
  }
}

int ExitCodeOf(const Error& error) {
  if (error.code == ErrorCode::kUnavailable && !error.retry_after) return kNoServer;
  return kRefused;
}

}  // namespace forager::cli
