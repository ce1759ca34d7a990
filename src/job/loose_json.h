// JSON as programs write it, made valid without losing anything: numbers stay as they are written
// (no double holds 12345678901234567890), and what Python, Node and shells write beside the
// standard is mended where only one meaning is possible. For the codecs of this folder.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace forager {

// Kinds of mending, as bits.
enum JsonMend : unsigned {
  kMendedBytes = 1,       // bytes that are no UTF-8: U+FFFD
  kMendedSurrogates = 2,  // half of a surrogate pair: U+FFFD
  kMendedNumbers = 4,     // NaN, Infinity, more digits than any store keeps: null
  kMendedControls = 8,    // tabs and the like within a string: escaped
  kMendedCommas = 16,     // a comma before a closing bracket: left out
};
// "a byte order mark; ..." is never told: it says nothing.
std::string_view MendWords(JsonMend kind);

struct JsonMember {
  std::string name;
  std::string text;  // valid JSON
};

struct LooseJson {
  std::vector<JsonMember> members;  // of the object; of two with one name both, in order
  std::size_t used = 0;             // bytes of the text, with the blanks around them
  unsigned mended = 0;
  std::string why;  // it is not readable, near byte `used`; `members` are those before
  bool readable() const { return why.empty(); }
  // The last of that name, as every parser takes it.
  const std::string* Find(std::string_view name) const;
};

// One object at the front of `text`; what follows it is the caller's to look at. Nesting at most
// 32 deep.
LooseJson ReadLooseObject(std::string_view text);

// One value of any kind, nothing after it; nothing when it cannot be read.
std::optional<std::string> MendJson(std::string_view text, unsigned* mended = nullptr);

// The items of an array that reads as JSON.
std::vector<std::string> JsonItems(std::string_view array);

// The text of a JSON string; nothing when it is none.
std::optional<std::string> JsonText(std::string_view json);

}  // namespace forager
