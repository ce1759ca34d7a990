#include "http/response_head.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <ctime>

#include "http/request_head.h"

namespace forager::http {
namespace {

constexpr std::size_t kGzipAbove = 1024;
constexpr std::size_t kGzipUpTo = 4 * 1024 * 1024;  // longer ones would hold up the other clients

// Set by the server itself; a handler's own would contradict it.
bool IsReserved(std::string_view name) {
  for (const std::string_view own : {"Content-Length", "Transfer-Encoding", "Connection", "Date",
                                     "X-Request-Id", "Content-Type", "X-Content-Type-Options"}) {
    if (EqualsIgnoringCase(name, own)) return true;
  }
  return false;
}

// A control byte in a value would let it speak for another header.
void AppendSafe(std::string& out, std::string_view value) {
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) out += c;
  }
}

void AppendHeader(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ");
  AppendSafe(out, value);
  out.append("\r\n");
}

void AppendHandlersHeaders(std::string& out, const Response& response, const AnswerFacts& facts) {
  for (const auto& [name, value] : response.headers) {
    if (IsReserved(name) || name.find_first_of(": \r\n") != std::string::npos) continue;
    if (facts.varies && EqualsIgnoringCase(name, "Vary")) continue;
    if (facts.gzipped && EqualsIgnoringCase(name, "ETag") && !value.starts_with("W/")) {
      AppendHeader(out, name, "W/" + value);
    } else if (value.starts_with('/') && EqualsIgnoringCase(name, "Location")) {
      AppendHeader(out, name, std::string(facts.base_path) + value);
    } else {
      AppendHeader(out, name, value);
    }
  }
}

}  // namespace

void Compress(Response& response, bool takes_gzip, Gzip& gzip, AnswerFacts& facts) {
  if (response.body.size() <= kGzipAbove || response.body.size() > kGzipUpTo ||
      !MayHaveBody(response.status) || !IsCompressible(response.content_type) ||
      !FindHeader(response.headers, "Content-Encoding").empty()) {
    return;
  }
  facts.varies = true;
  if (!takes_gzip) return;
  if (auto smaller = gzip.Compress(response.body)) {
    response.body = std::move(*smaller);
    facts.gzipped = true;
  }
}

void WriteResponseHead(std::string& out, const Response& response, const AnswerFacts& facts) {
  out.clear();
  fmt::format_to(std::back_inserter(out), "HTTP/1.1 {} {}\r\nDate: {}\r\nX-Request-Id: {}\r\n",
                 response.status, ReasonPhrase(response.status), facts.date, facts.request_id);
  const bool is_stream = static_cast<bool>(response.stream);
  const bool is_json = response.content_type.ends_with("json");
  if (is_stream) {
    out += "Content-Type: text/event-stream\r\nX-Accel-Buffering: no\r\n";
  } else if (MayHaveBody(response.status)) {
    AppendHeader(out, "Content-Type", response.content_type);
    fmt::format_to(std::back_inserter(out), "Content-Length: {}\r\n", facts.body_bytes);
  }
  if ((is_json || is_stream) && FindHeader(response.headers, "Cache-Control").empty()) {
    out += "Cache-Control: no-store\r\n";
  }
  out += "X-Content-Type-Options: nosniff\r\n";
  if (facts.gzipped) out += "Content-Encoding: gzip\r\n";
  if (facts.varies) out += "Vary: Accept-Encoding\r\n";
  if (!facts.keep_alive) {
    out += "Connection: close\r\n";
  } else if (facts.http10) {
    out += "Connection: keep-alive\r\n";
  }
  AppendHandlersHeaders(out, response, facts);
  out += "\r\n";
}

std::string_view ReasonPhrase(int status) {
  static constexpr std::pair<int, std::string_view> kReasons[] = {
      {200, "OK"},
      {201, "Created"},
      {202, "Accepted"},
      {204, "No Content"},
      {301, "Moved Permanently"},
      {302, "Found"},
      {303, "See Other"},
      {304, "Not Modified"},
      {307, "Temporary Redirect"},
      {308, "Permanent Redirect"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {406, "Not Acceptable"},
      {408, "Request Timeout"},
      {409, "Conflict"},
      {410, "Gone"},
      {412, "Precondition Failed"},
      {413, "Content Too Large"},
      {415, "Unsupported Media Type"},
      {417, "Expectation Failed"},
      {421, "Misdirected Request"},
      {422, "Unprocessable Content"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {502, "Bad Gateway"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
      {505, "HTTP Version Not Supported"}};
  for (const auto& [known, reason] : kReasons) {
    if (known == status) return reason;
  }
  return "Status";
}

bool MayHaveBody(int status) { return status != 204 && status != 304; }

std::string FormatHttpDate(std::int64_t unix_seconds) {
  // strftime would speak the locale's language.
  constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t seconds = unix_seconds;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[parts.tm_wday],
                     parts.tm_mday, kMonths[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour,
                     parts.tm_min, parts.tm_sec);
}

Response DefaultProblem(int status, const std::string& detail) {
  const boost::json::object body{{"type", "about:blank"},
                                 {"title", std::string(ReasonPhrase(status))},
                                 {"status", status},
                                 {"detail", detail}};
  Response response;
  response.status = status;
  response.body = boost::json::serialize(body);
  response.content_type = "application/problem+json";
  if (status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

}  // namespace forager::http
