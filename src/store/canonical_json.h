// One text for one JSON value, however it was written: members in the order of their names, the last
// of two with one name, numbers by their digits and not as floating point, no blanks.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace forager::store {

struct CanonicalJson {
  std::string text;
  bool had_nul = false;  // \u0000, which PostgreSQL does not take: U+FFFD stands in its place
};

// Nothing when it is not JSON, or holds what PostgreSQL cannot (a lone surrogate, a number beyond
// its range, five hundred levels).
std::optional<CanonicalJson> ToCanonicalJson(std::string_view text);
// Any text as a JSON string.
std::string JsonString(std::string_view text);

}  // namespace forager::store
