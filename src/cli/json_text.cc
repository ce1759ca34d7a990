#include "cli/json_text.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <cmath>

#include "job/codec.h"
#include "os/visible_text.h"

namespace forager::cli {
namespace {

namespace json = boost::json;

constexpr double kMostNumber = 1e13;

// C1 controls and marks of direction are escaped too: some terminals act on them.
std::string Quoted(std::string_view text) { return os::VisibleJson(WriteString(text)); }

std::string Scalar(const json::value& value) {
  switch (value.kind()) {
    case json::kind::string:
      return Quoted(std::string_view(value.get_string()));
    case json::kind::double_:
      if (std::isinf(value.get_double())) return value.get_double() > 0 ? "1e999" : "-1e999";
      return fmt::format("{}", value.get_double());
    case json::kind::int64:
      return fmt::format("{}", value.get_int64());
    case json::kind::uint64:
      return fmt::format("{}", value.get_uint64());
    case json::kind::bool_:
      return value.get_bool() ? "true" : "false";
    default:
      return "null";
  }
}

// `indent` < 0: all on one line.
void Write(const json::value& value, int indent, std::string& out) {
  auto line = [&](int level) {
    if (indent >= 0) out.append("\n").append(static_cast<std::size_t>(level) * 2, ' ');
  };
  int inner = indent < 0 ? -1 : indent + 1;
  if (const json::object* object = value.if_object(); object && !object->empty()) {
    out += '{';
    for (const auto& member : *object) {
      line(inner);
      out.append(Quoted(std::string_view(member.key()))).append(indent < 0 ? ":" : ": ");
      Write(member.value(), inner, out);
      out += ',';
    }
    out.pop_back();
    line(indent);
    out += '}';
  } else if (const json::array* array = value.if_array(); array && !array->empty()) {
    out += '[';
    for (const json::value& item : *array) {
      line(inner);
      Write(item, inner, out);
      out += ',';
    }
    out.pop_back();
    line(indent);
    out += ']';
  } else {
    out += value.is_object() ? "{}" : value.is_array() ? "[]" : Scalar(value);
  }
}

}  // namespace

std::string CompactJson(const json::value& value) {
  std::string out;
  Write(value, -1, out);
  return out;
}

std::string PrettyJson(const json::value& value, int indent) {
  std::string out;
  Write(value, indent, out);
  return out;
}

const json::value& At(const json::value& value, std::string_view path) {
  static const json::value kNull;
  const json::value* at = &value;
  while (!path.empty()) {
    std::size_t dot = path.find('.');
    const json::object* object = at->if_object();
    at = object ? object->if_contains(path.substr(0, dot)) : nullptr;
    if (!at) return kNull;
    path = dot == path.npos ? "" : path.substr(dot + 1);
  }
  return *at;
}

std::string TextAt(const json::value& value, std::string_view path) {
  const json::value& found = At(value, path);
  if (found.is_null()) return "";
  if (found.is_string()) return std::string(found.get_string());
  return CompactJson(found);
}

std::optional<double> NumberAt(const json::value& value, std::string_view path) {
  const json::value& found = At(value, path);
  if (!found.is_number()) return std::nullopt;
  return std::clamp(found.to_number<double>(), -kMostNumber, kMostNumber);
}

std::int64_t WholeAt(const json::value& value, std::string_view path, std::int64_t fallback) {
  auto number = NumberAt(value, path);
  return number ? static_cast<std::int64_t>(*number) : fallback;
}

std::optional<WallTime> TimeAt(const json::value& value, std::string_view path) {
  const json::value& found = At(value, path);
  return found.is_string() ? ParseRfc3339(std::string_view(found.get_string())) : std::nullopt;
}

bool IsTrue(const json::value& value, std::string_view path) {
  const json::value& found = At(value, path);
  return found.is_bool() && found.get_bool();
}

}  // namespace forager::cli
