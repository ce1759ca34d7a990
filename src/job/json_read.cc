#include "job/json_read.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <cmath>
#include <iterator>

#include "job/codec.h"
#include "job/loose_json.h"

namespace forager {

namespace json = boost::json;

namespace {

// 1e400 is read as infinity, which cannot be written as JSON again. Depth is bounded by the parser.
bool Finite(const json::value& value) {
  if (const auto* array = value.if_array()) return std::ranges::all_of(*array, Finite);
  if (const auto* object = value.if_object())
    return std::ranges::all_of(*object, [](const auto& member) { return Finite(member.value()); });
  return !value.is_double() || std::isfinite(value.get_double());
}

}  // namespace

// Only whole numbers of 64 bits are sure to be written again as they were.
bool HasFraction(const json::value& value) {
  if (const auto* array = value.if_array()) return std::ranges::any_of(*array, HasFraction);
  if (const auto* object = value.if_object())
    return std::ranges::any_of(*object,
                               [](const auto& member) { return HasFraction(member.value()); });
  return value.is_double();
}

Result<json::value> ParseJson(std::string_view text) {
  json::error_code error;
  json::parse_options options;
  options.max_depth = 32;
  json::stream_parser parser({}, options);
  std::size_t used = parser.write_some(text.data(), text.size(), error);
  if (!error) parser.finish(error);
  if (!error && text.find_first_not_of(" \t\r\n", used) != std::string_view::npos)
    error = json::error::extra_data;
  if (error)
    return Fail(ErrorCode::kMalformed,
                fmt::format("The body is not valid JSON: {} near byte {}", error.message(), used));
  json::value value = parser.release();
  if (!Finite(value)) return Fail(ErrorCode::kMalformed, "The body has a number that is too large");
  return value;
}

namespace {

void Append(std::string& out, const json::value& value) {
  if (const json::object* object = value.if_object()) {
    out += '{';
    for (const auto& [name, member] : *object) {
      if (out.back() != '{') out += ',';
      out += WriteString(name);
      out += ':';
      Append(out, member);
    }
    out += '}';
  } else if (const json::array* array = value.if_array()) {
    out += '[';
    for (const json::value& item : *array) {
      if (&item != array->data()) out += ',';
      Append(out, item);
    }
    out += ']';
  } else if (const double* number = value.if_double()) {
    fmt::format_to(std::back_inserter(out), "{}", *number);
  } else {
    out += json::serialize(value);
  }
}

}  // namespace

std::string WriteJson(const json::value& value) {
  std::string out;
  Append(out, value);
  return out;
}

const json::value* MemberReader::Find(std::string_view name) {
  asked_.emplace(name);
  const json::value* value = object_.if_contains(name);
  return value && !value->is_null() ? value : nullptr;
}

std::optional<std::string> MemberReader::Text(std::string_view name, std::size_t max_bytes) {
  const json::value* value = Find(name);
  if (!value) return std::nullopt;
  const json::string* text = value->if_string();
  if (!text) {
    Wrong(name, "must be a string");
    return std::nullopt;
  }
  if (text->size() > max_bytes) {
    Wrong(name, fmt::format("must be at most {} bytes long, this is {}", max_bytes, text->size()));
    return std::nullopt;
  }
  if (text->find('\0') != json::string::npos) {
    Wrong(name, "must not contain the character U+0000");
    return std::nullopt;
  }
  return std::string(*text);
}

std::optional<double> MemberReader::Number(std::string_view name, double low, double high) {
  const json::value* value = Find(name);
  if (!value) return std::nullopt;
  if (!value->is_number()) {
    Wrong(name, "must be a number");
    return std::nullopt;
  }
  double number = value->to_number<double>();
  if (!(number >= low && number <= high)) {
    Wrong(name, fmt::format("must be from {} to {}", low, high));
    return std::nullopt;
  }
  return number;
}

std::optional<int> MemberReader::Integer(std::string_view name, int low, int high) {
  const json::value* value = Find(name);
  if (!value) return std::nullopt;
  bool whole = value->is_number() &&
               (!value->is_double() || value->get_double() == std::floor(value->get_double()));
  if (!whole) {
    Wrong(name, "must be a whole number");
    return std::nullopt;
  }
  auto number = Number(name, low, high);
  return number ? std::optional(static_cast<int>(*number)) : std::nullopt;
}

std::optional<std::string> MemberReader::Object(std::string_view name, std::size_t max_bytes) {
  const json::value* value = Find(name);
  if (!value) return std::nullopt;
  if (!value->is_object()) {
    Wrong(name, "must be an object");
    return std::nullopt;
  }
  std::string text = Exactly(name, *value);
  if (text.size() > max_bytes) {
    Wrong(name, fmt::format("must be at most {} bytes long, this is {}", max_bytes, text.size()));
    return std::nullopt;
  }
  return text;
}

std::string MemberReader::Exactly(std::string_view name, const json::value& value) {
  if (source_.empty() || !HasFraction(value)) return WriteJson(value);
  LooseJson whole = ReadLooseObject(source_);
  const std::string* written = whole.Find(name);
  if (whole.mended & kMendedNumbers) Wrong(name, "has a number of more than 1,000 digits");
  return written ? *written : WriteJson(value);
}

std::optional<WallTime> MemberReader::Time(std::string_view name) {
  auto text = Text(name, 64);
  if (!text) return std::nullopt;
  auto time = ParseRfc3339(*text);
  if (!time) Wrong(name, "must be an RFC 3339 time such as 2026-11-23T10:00:00Z");
  return time;
}

void MemberReader::RefuseOthers() {
  for (const auto& member : object_) {
    if (!asked_.contains(std::string_view(member.key())))
      Wrong(ValidUtf8(member.key()), "is not a known member");
    if (errors_.size() > 20) return;
  }
}

}  // namespace forager
