#include "app/setting_values.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <cmath>

namespace forager::app {
namespace {

template <typename T>
bool Read(std::string_view text, T& value) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

Parsed<bool> ParseSwitch(std::string_view text) {
  if (text == "1" || text == "true" || text == "on") return true;
  if (text == "0" || text == "false" || text == "off") return false;
  return std::unexpected("1, 0, true, false, on or off");
}

Parsed<std::int64_t> ParseWhole(std::string_view text, std::int64_t low, std::int64_t high) {
  std::int64_t value = 0;
  if (Read(text, value) && value >= low && value <= high) return value;
  return std::unexpected(fmt::format("a whole number from {} to {}", low, high));
}

Parsed<double> ParseNumber(std::string_view text, double low, double high) {
  double value = 0;
  if (Read(text, value) && value >= low && value <= high) return value;
  return std::unexpected(fmt::format("a number from {} to {}", low, high));
}

Parsed<Millis> ParseSpan(std::string_view text, Millis low, Millis high) {
  auto value = ParseDuration(text);
  if (value && *value >= low && *value <= high) return *value;
  return std::unexpected(fmt::format("a duration such as 500ms, 30s, 10m or 1h, from {} to {}",
                                     FormatDuration(low), FormatDuration(high)));
}

Parsed<Millis> ParseUnits(std::string_view text, double low, double high, Millis unit) {
  auto value = ParseNumber(text, low, high);
  if (!value) return std::unexpected(value.error());
  return Millis{std::llround(*value * static_cast<double>(unit.count()))};
}

Parsed<std::int64_t> ParseBytes(std::string_view text, std::int64_t low, std::int64_t high) {
  constexpr std::pair<std::string_view, double> kUnits[] = {
      {"KiB", 0x1p10}, {"MiB", 0x1p20}, {"GiB", 0x1p30}, {"TiB", 0x1p40}, {"B", 1}, {"", 1}};
  for (auto [unit, size] : kUnits) {
    if (!text.ends_with(unit)) continue;
    double value = 0;
    if (!Read(text.substr(0, text.size() - unit.size()), value)) break;
    value *= size;
    if (value >= static_cast<double>(low) && value <= static_cast<double>(high))
      return static_cast<std::int64_t>(value);
    break;
  }
  return std::unexpected(
      fmt::format("a size such as 512MiB or 1GiB, from {}MiB to {}GiB", low >> 20, high >> 30));
}

Parsed<std::string> ParseChoice(std::string_view text, const std::vector<std::string>& choices) {
  for (const std::string& choice : choices) {
    if (choice == text) return choice;
  }
  return std::unexpected(fmt::format("{}", fmt::join(choices, " or ")));
}

std::vector<std::string> ParseList(std::string_view text) {
  std::vector<std::string> items;
  while (!text.empty()) {
    auto comma = text.find(',');
    std::string_view item = text.substr(0, comma);
    while (!item.empty() && item.front() == ' ') item.remove_prefix(1);
    while (!item.empty() && item.back() == ' ') item.remove_suffix(1);
    if (!item.empty()) items.emplace_back(item);
    text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
  }
  return items;
}

}  // namespace forager::app
