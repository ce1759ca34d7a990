#include "api/query.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "api/problem.h"
#include "job/codec.h"

namespace forager::api {
namespace {

std::vector<std::string_view> Split(std::string_view text) {
  std::vector<std::string_view> parts;
  while (true) {
    std::size_t comma = text.find(',');
    parts.push_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace

bool IsTypeName(std::string_view text) {
  return !text.empty() && text.size() <= 50 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

std::optional<double> ParseDecimal(std::string_view text) {
  if (text.empty() || text.size() > 20 || text.find_first_not_of("0123456789.") != text.npos) {
    return std::nullopt;
  }
  double value = 0;
  auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::vector<State>> ParseStates(std::string_view text) {
  std::vector<State> states;
  for (std::string_view part : Split(text)) {
    std::optional<State> state = ParseState(part);
    if (!state) return std::nullopt;
    if (std::ranges::find(states, *state) == states.end()) states.push_back(*state);
  }
  return states;
}

const std::string* Query::Find(std::string_view name) const {
  for (const auto& [key, value] : request_.query) {
    if (key == name) return &value;
  }
  return nullptr;
}

void Query::Wrong(std::string_view name, std::string message) {
  errors_.push_back({std::string(name), std::move(message)});
}

std::optional<Error> Query::error() const {
  if (errors_.empty()) return std::nullopt;
  return WrongFields(errors_);
}

int Query::Int(std::string_view name, int min, int max, int fallback) {
  const std::string* text = Find(name);
  if (!text) return fallback;
  int value = 0;
  auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error == std::errc{} && end == text->data() + text->size() && value >= min && value <= max) {
    return value;
  }
  Wrong(name, fmt::format("must be a whole number from {} to {}", min, max));
  return fallback;
}

bool Query::Bool(std::string_view name, bool fallback) {
  const std::string* text = Find(name);
  if (!text) return fallback;
  if (*text == "true" || *text == "1") return true;
  if (*text == "false" || *text == "0") return false;
  Wrong(name, "must be true or false");
  return fallback;
}

std::optional<std::string> Query::Text(std::string_view name, std::size_t max) {
  const std::string* text = Find(name);
  if (!text) return std::nullopt;
  if (text->empty() || text->size() > max || ValidUtf8(*text) != *text ||
      text->find('\0') != std::string::npos) {
    Wrong(name, fmt::format("must be text of 1 to {} bytes in UTF-8", max));
    return std::nullopt;
  }
  return *text;
}

std::optional<WallTime> Query::Time(std::string_view name) {
  const std::string* text = Find(name);
  if (!text) return std::nullopt;
  std::optional<WallTime> time = ParseRfc3339(*text);
  if (!time) Wrong(name, "must be an RFC 3339 time such as 2026-11-23T10:00:00Z");
  return time;
}

std::vector<State> Query::States(std::string_view name) {
  const std::string* text = Find(name);
  if (!text) return {};
  std::optional<std::vector<State>> states = ParseStates(*text);
  if (!states) {
    Wrong(name, "must be one or more of pending, running, completed, failed, cancelled");
    return {};
  }
  return *states;
}

Millis Query::Duration(std::string_view name, Millis unit, double min, double max,
                       Millis fallback) {
  const std::string* text = Find(name);
  if (!text) return fallback;
  std::optional<double> value = ParseDecimal(*text);
  if (!value || *value < min || *value > max) {
    Wrong(name, fmt::format("must be a number from {} to {}", min, max));
    return fallback;
  }
  return Millis(std::llround(*value * static_cast<double>(unit.count())));
}

std::vector<std::string> Query::List(std::string_view name,
                                     const std::vector<std::string_view>& allowed) {
  const std::string* text = Find(name);
  if (!text) return {};
  std::vector<std::string> list;
  for (std::string_view part : Split(*text)) {
    if (std::ranges::find(allowed, part) == allowed.end()) {
      Wrong(name, fmt::format("must be one or more of {}", fmt::join(allowed, ", ")));
      return {};
    }
    list.emplace_back(part);
  }
  return list;
}

}  // namespace forager::api
