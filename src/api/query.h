// Strict reading of query parameters: each wrong value is named, nothing is guessed. That a
// parameter is known to the route and given once has been checked by the gate.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/server.h"
#include "job/error.h"
#include "job/state.h"
#include "job/time.h"

namespace forager::api {

class Query {
 public:
  explicit Query(const http::Request& request) : request_(request) {}

  bool Has(std::string_view name) const { return Find(name) != nullptr; }
  int Int(std::string_view name, int min, int max, int fallback);
  bool Bool(std::string_view name, bool fallback);
  // Valid UTF-8, 1 to `max` bytes.
  std::optional<std::string> Text(std::string_view name, std::size_t max);
  std::optional<WallTime> Time(std::string_view name);
  std::vector<State> States(std::string_view name);  // "failed,cancelled"
  // A decimal number of `unit` between min and max.
  Millis Duration(std::string_view name, Millis unit, double min, double max, Millis fallback);
  std::vector<std::string> List(std::string_view name,
                                const std::vector<std::string_view>& allowed);
  void Wrong(std::string_view name, std::string message);

  // What was wrong so far.
  std::optional<Error> error() const;

 private:
  const std::string* Find(std::string_view name) const;

  const http::Request& request_;
  std::vector<FieldError> errors_;
};

// 1-50 of [a-z0-9_], as entity_type and job_type are.
bool IsTypeName(std::string_view text);
// A plain decimal number ("0.5"); no sign, exponent, inf or nan.
std::optional<double> ParseDecimal(std::string_view text);
std::optional<std::vector<State>> ParseStates(std::string_view text);

}  // namespace forager::api
