#include "api/problem.h"

#include "api/api.h"
#include "job/codec.h"

namespace forager::api {
namespace {

std::string_view Title(int status) {
  switch (status) {
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 417:
      return "Expectation Failed";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return status >= 500 ? "Internal Server Error" : "Error";
  }
}

int StatusOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kMalformed:
      return 400;
    case ErrorCode::kInvalid:
      return 422;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kConflict:
      return 409;
    case ErrorCode::kUnauthorized:
      return 401;
    case ErrorCode::kForbidden:
      return 403;
    case ErrorCode::kTooLarge:
      return 413;
    case ErrorCode::kUnavailable:
      return 503;
    case ErrorCode::kInternal:
      return 500;
  }
  return 500;
}

std::string Body(int status, const std::string& detail, const std::vector<FieldError>& fields) {
  std::string body = R"({"type":"about:blank","title":)" + WriteString(Title(status)) +
                     R"(,"status":)" + std::to_string(status) + R"(,"detail":)" +
                     WriteString(detail);
  if (!fields.empty()) {
    body += R"(,"errors":[)";
    for (const FieldError& field : fields) {
      if (body.back() != '[') body += ',';
      body += R"({"field":)" + WriteString(field.field) + R"(,"message":)" +
              WriteString(field.message) + '}';
    }
    body += ']';
  }
  return body + '}';
}

http::Response Make(int status, std::string detail, const std::vector<FieldError>& fields) {
  if (!detail.empty() && std::string_view(".!?").find(detail.back()) == std::string_view::npos) {
    detail += '.';
  }
  http::Response response;
  response.status = status;
  response.content_type = "application/problem+json";
  response.body = Body(status, detail, fields);
  return response;
}

}  // namespace

http::Response Problem(int status, const std::string& detail) {
  http::Response response = Make(status, detail, {});
  if (status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

http::Response ProblemOf(const Error& error) {
  int status = StatusOf(error.code);
  http::Response response = Make(status, error.detail, error.fields);
  if (status == 503 || error.retry_after) {
    auto wait = error.retry_after.value_or(std::chrono::seconds(1));
    response.headers.emplace_back("Retry-After", std::to_string(wait.count()));
  }
  if (status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"forager\"");
  return response;
}

Error WrongField(std::string field, std::string message) {
  return WrongFields({{std::move(field), std::move(message)}});
}

Error WrongFields(std::vector<FieldError> fields) {
  std::string detail =
      fields.empty() ? "The request is wrong." : fields[0].field + " " + fields[0].message;
  return Error{ErrorCode::kInvalid, std::move(detail), std::move(fields), {}};
}

}  // namespace forager::api
