#include "store/canonical_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <map>
#include <vector>

namespace forager::store {
namespace {

using boost::json::error_code;
using boost::json::string_view;

constexpr std::size_t kMaxDepth = 500;
// Of PostgreSQL's numeric.
constexpr std::int64_t kMaxWhole = 131'072;
constexpr std::int64_t kMaxFraction = 16'383;
constexpr std::int64_t kLongestPlain = 21;

// -?digits[.digits][e[+-]digits], as the parser has found it; nothing when it is beyond the range.
std::optional<std::string> CanonicalNumber(std::string_view text) {
  bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  std::int64_t exponent = 0;
  if (auto e = text.find_first_of("eE"); e != text.npos) {
    std::string_view power = text.substr(e + 1);
    if (power.starts_with('+')) power.remove_prefix(1);
    auto [end, error] = std::from_chars(power.data(), power.data() + power.size(), exponent);
    if (error != std::errc{} || std::abs(exponent) > 1'000'000) return std::nullopt;
    text = text.substr(0, e);
  }
  std::string digits;
  for (char c : text) {
    if (c != '.') digits.push_back(c);
  }
  if (auto point = text.find('.'); point != text.npos)
    exponent -= static_cast<std::int64_t>(text.size() - point - 1);
  while (digits.ends_with('0')) digits.pop_back(), ++exponent;
  digits.erase(0, digits.find_first_not_of('0'));
  if (digits.empty()) return "0";
  auto size = static_cast<std::int64_t>(digits.size());
  std::int64_t whole = size + exponent;  // digits before the point
  if (whole > kMaxWhole || -exponent > kMaxFraction) return std::nullopt;
  std::string sign = negative ? "-" : "";
  if (whole > kLongestPlain || whole < -kLongestPlain) {
    std::string rest = size > 1 ? "." + digits.substr(1) : "";
    return fmt::format("{}{}{}e{}", sign, digits[0], rest, whole - 1);
  }
  if (whole <= 0) return fmt::format("{}0.{}{}", sign, std::string(static_cast<std::size_t>(-whole), '0'), digits);
  if (exponent >= 0) return sign + digits + std::string(static_cast<std::size_t>(exponent), '0');
  return sign + digits.insert(static_cast<std::size_t>(whole), ".");
}

struct Level {
  bool object = false;
  std::string name;                            // of the member that is being read
  std::map<std::string, std::string> members;  // of an object
  std::string items;                           // of an array
};

struct Handler {
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) { return Open(true); }
  bool on_array_begin(error_code&) { return Open(false); }
  bool on_object_end(std::size_t, error_code&) {
    std::string text = "{";
    for (const auto& [name, value] : levels.back().members) {
      if (text.size() > 1) text.push_back(',');
      text.append(JsonString(name)).append(":").append(value);
    }
    levels.pop_back();
    return Add(text + "}");
  }
  bool on_array_end(std::size_t, error_code&) {
    std::string text = "[" + std::move(levels.back().items) + "]";
    levels.pop_back();
    return Add(std::move(text));
  }
  bool on_key_part(string_view part, std::size_t, error_code&) { return Part(part); }
  bool on_key(string_view part, std::size_t, error_code&) {
    Part(part);
    levels.back().name = Taken();
    return true;
  }
  bool on_string_part(string_view part, std::size_t, error_code&) { return Part(part); }
  bool on_string(string_view part, std::size_t, error_code&) {
    Part(part);
    return Add(JsonString(Taken()));
  }
  bool on_number_part(string_view part, error_code&) { return Part(part); }
  bool on_int64(std::int64_t, string_view part, error_code& error) { return Number(part, error); }
  bool on_uint64(std::uint64_t, string_view part, error_code& error) { return Number(part, error); }
  bool on_double(double, string_view part, error_code& error) { return Number(part, error); }
  bool on_bool(bool value, error_code&) { return Add(value ? "true" : "false"); }
  bool on_null(error_code&) { return Add("null"); }
  bool on_comment_part(string_view, error_code&) { return true; }
  bool on_comment(string_view, error_code&) { return true; }

  bool Open(bool object) {
    levels.emplace_back().object = object;
    return true;
  }
  bool Part(string_view part) {
    pending.append(part.data(), part.size());
    return true;
  }
  // What the parts were, NUL replaced.
  std::string Taken() {
    std::string text = std::exchange(pending, {});
    for (auto at = text.find('\0'); at != text.npos; at = text.find('\0', at)) {
      text.replace(at, 1, "\xEF\xBF\xBD");
      had_nul = true;
    }
    return text;
  }
  bool Number(string_view part, error_code& error) {
    Part(part);
    auto number = CanonicalNumber(std::exchange(pending, {}));
    if (!number) error = boost::json::error::exponent_overflow;
    return number && Add(std::move(*number));
  }
  bool Add(std::string text) {
    if (levels.empty()) {
      whole = std::move(text);
    } else if (Level& level = levels.back(); level.object) {
      level.members[std::exchange(level.name, {})] = std::move(text);
    } else {
      if (!level.items.empty()) level.items.push_back(',');
      level.items.append(text);
    }
    return true;
  }

  std::vector<Level> levels;
  std::string pending, whole;
  bool had_nul = false;
};

}  // namespace

std::string JsonString(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out.append(fmt::format("\\u{:04x}", static_cast<unsigned>(c)));
    } else {
      out.push_back(c);
    }
  }
  return out + "\"";
}

std::optional<CanonicalJson> ToCanonicalJson(std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = kMaxDepth;
  boost::json::basic_parser<Handler> parser(options);
  error_code error;
  std::size_t read = parser.write_some(false, text.data(), text.size(), error);
  if (error || !parser.done()) return std::nullopt;
  if (text.find_first_not_of(" \t\r\n", read) != text.npos) return std::nullopt;
  return CanonicalJson{std::move(parser.handler().whole), parser.handler().had_nul};
}

}  // namespace forager::store
