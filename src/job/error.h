// What can go wrong with a request, named by what the caller does next. Expected errors travel as
// Result<T>; the impossible is an assert; what is broken at start ends the program with one line.
#pragma once

#include <chrono>
#include <expected>
#include <optional>
#include <string>
#include <vector>

namespace forager {

enum class ErrorCode {
  kMalformed,     // cannot be read at all: mend the syntax (400)
  kInvalid,       // readable but wrong: mend the named fields (422)
  kNotFound,      // there is no such thing (404)
  kConflict,      // not in this state: look again, then decide (409)
  kUnauthorized,  // say who you are (401)
  kForbidden,     // ask somebody with a greater role (403)
  kTooLarge,      // send less (413)
  kUnavailable,   // try again later (503)
  kInternal,      // our fault (500)
};

struct FieldError {
  std::string field;
  std::string message;
};

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string detail;  // one clear sentence, fit for a stranger: no path, no stack
  std::vector<FieldError> fields;
  std::optional<std::chrono::seconds> retry_after;
};

template <typename T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> Fail(ErrorCode code, std::string detail) {
  return std::unexpected(Error{code, std::move(detail), {}, {}});
}

}  // namespace forager
