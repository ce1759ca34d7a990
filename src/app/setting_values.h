// Turns the text of one setting into its value, or says what would be right.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "job/time.h"

namespace forager::app {

template <typename T>
using Parsed = std::expected<T, std::string>;  // the error completes "... is wrong: it must be"

Parsed<bool> ParseSwitch(std::string_view text);
Parsed<std::int64_t> ParseWhole(std::string_view text, std::int64_t low, std::int64_t high);
Parsed<double> ParseNumber(std::string_view text, double low, double high);
Parsed<Millis> ParseSpan(std::string_view text, Millis low, Millis high);  // "30s"
Parsed<Millis> ParseUnits(std::string_view text, double low, double high,
                          Millis unit);  // a plain number of units
Parsed<std::int64_t> ParseBytes(std::string_view text, std::int64_t low,
                                std::int64_t high);  // "1GiB"
Parsed<std::string> ParseChoice(std::string_view text, const std::vector<std::string>& choices);
std::vector<std::string> ParseList(std::string_view text);  // comma separated

// Stores a parsed value; "" or what would be right.
template <typename T, typename M>
std::string Keep(const Parsed<T>& parsed, M& member) {
  if (!parsed) return parsed.error();
  member = static_cast<M>(*parsed);
  return "";
}

}  // namespace forager::app
