#include "job/loose_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "job/codec.h"

namespace forager {
namespace {

constexpr int kMaxDepth = 32;
// PostgreSQL keeps 131,072 digits before and 16,383 after the point, and writes all of them out.
constexpr std::size_t kMaxDigits = 1'000;
constexpr int kMaxExponent = 1'000;
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

void AppendUtf8(std::string& out, unsigned code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | (code >> 6));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | (code >> 12));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (code >> 18));
    out += static_cast<char>(0x80 | ((code >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

// Reads a value and appends it to `out` as valid JSON. After a failure `why` says what is wrong.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool Value(std::string& out, int depth) {
    SkipBlanks();
    char first = Peek();
    if (depth > kMaxDepth && (first == '{' || first == '['))
      return Wrong("it is nested deeper than 32");
    switch (first) {
      case '{':
        return Object(out, depth);
      case '[':
        return Array(out, depth);
      case '"':
        return String(out);
      case '\0':
        return at_ < text_.size() ? Wrong("a value is missing") : Wrong("it ends too early");
      case '\'':
        return Wrong("strings must stand in double quotes (Python: json.dumps, not str)");
      default:
        return Plain(out);
    }
  }

  // The members of an object; `take` gets the name and the value's text.
  template <typename Take>
  bool Members(int depth, Take&& take) {
    ++at_;  // the brace
    SkipBlanks();
    bool comma = false;
    while (Peek() != '}') {
      if (Peek() == '\'')
        return Wrong("strings must stand in double quotes (Python: json.dumps, not str)");
      if (Peek() != '"')
        return Wrong(at_ < text_.size() ? "a member's name is missing" : "it ends too early");
      std::string name, value;
      if (!String(name)) return false;
      SkipBlanks();
      if (Peek() != ':')
        return Wrong(at_ < text_.size() ? "a ':' is missing" : "it ends too early");
      ++at_;
      if (!Value(value, depth + 1)) return false;
      take(name, value);
      SkipBlanks();
      comma = Peek() == ',';
      if (!comma && Peek() != '}')
        return Wrong(at_ < text_.size() ? "a ',' or '}' is missing" : "it ends too early");
      if (comma) ++at_;
      SkipBlanks();
    }
    if (comma) mended |= kMendedCommas;
    ++at_;
    return true;
  }

  template <typename Take>
  bool Items(int depth, Take&& take) {
    ++at_;
    SkipBlanks();
    bool comma = false;
    while (Peek() != ']') {
      std::string value;
      if (!Value(value, depth + 1)) return false;
      take(value);
      SkipBlanks();
      comma = Peek() == ',';
      if (!comma && Peek() != ']')
        return Wrong(at_ < text_.size() ? "a ',' or ']' is missing" : "it ends too early");
      if (comma) ++at_;
      SkipBlanks();
    }
    if (comma) mended |= kMendedCommas;
    ++at_;
    return true;
  }

  // One string as a JSON string.
  bool String(std::string& out) {
    std::size_t begin = ++at_;
    // Most strings are plain: copied in one piece.
    while (at_ < text_.size()) {
      auto c = static_cast<unsigned char>(text_[at_]);
      if (c == '"' || c == '\\' || c < 0x20 || c >= 0x80) break;
      ++at_;
    }
    if (Peek() == '"') {
      out += '"';
      out += text_.substr(begin, at_ - begin);
      out += '"';
      ++at_;
      return true;
    }
    std::string decoded(text_.substr(begin, at_ - begin));
    bool high = false;
    while (at_ < text_.size() && text_[at_] != '"') {
      auto c = static_cast<unsigned char>(text_[at_]);
      if (c == '\\') {
        if (!Escape(decoded)) return false;
        continue;
      }
      if (c < 0x20) mended |= kMendedControls;
      high |= c >= 0x80;
      decoded += text_[at_++];
    }
    if (at_ >= text_.size()) return Wrong("it ends within a string");
    ++at_;
    std::string valid = high ? ValidUtf8(decoded) : decoded;
    if (high && valid != decoded) mended |= kMendedBytes;
    out += WriteString(valid);
    return true;
  }

  void SkipBlanks() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").contains(text_[at_])) ++at_;
  }
  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool Wrong(std::string_view reason) {
    if (why.empty()) why = reason;
    return false;
  }
  std::size_t at() const { return at_; }
  void Skip(std::size_t bytes) { at_ += bytes; }

  unsigned mended = 0;
  std::string why;

 private:
  bool Object(std::string& out, int depth) {
    out += '{';
    bool first = true;
    bool read = Members(depth, [&](const std::string& name, const std::string& value) {
      if (!std::exchange(first, false)) out += ',';
      out += name;
      out += ':';
      out += value;
    });
    out += '}';
    return read;
  }

  bool Array(std::string& out, int depth) {
    out += '[';
    bool first = true;
    bool read = Items(depth, [&](const std::string& value) {
      if (!std::exchange(first, false)) out += ',';
      out += value;
    });
    out += ']';
    return read;
  }

  std::optional<unsigned> Hex() {
    unsigned code = 0;
    const char* from = text_.data() + at_;
    if (text_.size() - at_ < 4) return std::nullopt;
    auto [end, error] = std::from_chars(from, from + 4, code, 16);
    if (error != std::errc{} || end != from + 4) return std::nullopt;
    at_ += 4;
    return code;
  }

  bool Escape(std::string& decoded) {
    ++at_;
    char c = Peek();
    ++at_;
    if (c == 'u') return Unicode(decoded);
    constexpr std::string_view kFrom = "\"\\/bfnrt", kTo = "\"\\/\b\f\n\r\t";
    std::size_t found = kFrom.find(c);
    if (c == '\0' || found == kFrom.npos)
      return Wrong("a string has an escape that JSON does not know");
    decoded += kTo[found];
    return true;
  }

  bool Unicode(std::string& decoded) {
    auto code = Hex();
    if (!code) return Wrong("\\u needs four hexadecimal digits");
    bool lone = *code >= 0xD800 && *code < 0xE000;
    if (*code >= 0xD800 && *code < 0xDC00 && text_.substr(at_, 2) == "\\u") {
      std::size_t back = at_;
      at_ += 2;
      auto low = Hex();
      if (low && *low >= 0xDC00 && *low < 0xE000) {
        *code = 0x10000 + ((*code - 0xD800) << 10) + (*low - 0xDC00);
        lone = false;
      } else {
        at_ = back;
      }
    }
    if (lone) {
      mended |= kMendedSurrogates;
      decoded += kReplacement;
    } else {
      AppendUtf8(decoded, *code);
    }
    return true;
  }

  // A number, or a word.
  bool Plain(std::string& out) {
    std::size_t end = text_.find_first_of(" \t\r\n,:]}[{\"'", at_);
    std::string_view word = text_.substr(at_, end == text_.npos ? text_.npos : end - at_);
    if (word == "true" || word == "false" || word == "null") {
      out += word;
    } else if (IsNumber(word)) {
      bool kept = IsKept(word);
      if (!kept) mended |= kMendedNumbers;
      out += kept ? word : "null";
    } else if (IsNoNumber(word)) {
      mended |= kMendedNumbers;
      out += "null";
    } else {
      std::string shown = ValidUtf8(word.substr(0, 20));
      return Wrong(word.empty() ? "a value is missing"
                                : fmt::format("\"{}\" is no JSON value", shown));
    }
    at_ += word.size();
    return true;
  }

  // What languages write for a floating point value that is none.
  static bool IsNoNumber(std::string_view word) {
    if (word.starts_with('-') || word.starts_with('+')) word.remove_prefix(1);
    for (std::string_view known : {"NaN", "nan", "Infinity", "inf", "Inf"}) {
      if (word == known) return true;
    }
    return false;
  }

  static bool IsNumber(std::string_view word) {
    auto digits = [&] {
      std::size_t count = 0;
      while (!word.empty() && word.front() >= '0' && word.front() <= '9') {
        word.remove_prefix(1);
        ++count;
      }
      return count;
    };
    if (word.starts_with('-')) word.remove_prefix(1);
    bool zero = word.starts_with('0');
    std::size_t whole = digits();
    if (whole == 0 || (zero && whole > 1)) return false;
    if (word.starts_with('.')) {
      word.remove_prefix(1);
      if (digits() == 0) return false;
    }
    if (word.starts_with('e') || word.starts_with('E')) {
      word.remove_prefix(1);
      if (word.starts_with('+') || word.starts_with('-')) word.remove_prefix(1);
      if (digits() == 0) return false;
    }
    return word.empty();
  }

  static bool IsKept(std::string_view number) {
    if (number.size() > kMaxDigits) return false;
    auto e = number.find_first_of("eE");
    if (e == number.npos) return true;
    std::string_view power = number.substr(e + 1);
    if (power.starts_with('+')) power.remove_prefix(1);
    int exponent = 0;
    auto [end, error] = std::from_chars(power.data(), power.data() + power.size(), exponent);
    return error == std::errc{} && exponent >= -kMaxExponent && exponent <= kMaxExponent;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::string_view MendWords(JsonMend kind) {
  switch (kind) {
    case kMendedBytes:
      return "bytes that are not UTF-8 were replaced by U+FFFD";
    case kMendedSurrogates:
      return "halves of surrogate pairs (\\ud800 to \\udfff) were replaced by U+FFFD";
    case kMendedNumbers:
      return "NaN, Infinity or a number beyond 1,000 digits was replaced by null: JSON has none";
    case kMendedControls:
      return "control characters within a string were escaped";
    case kMendedCommas:
      return "a comma before a closing bracket was left out";
  }
  return "";
}

const std::string* LooseJson::Find(std::string_view name) const {
  auto found = std::find_if(members.rbegin(), members.rend(),
                            [&](const JsonMember& member) { return member.name == name; });
  return found == members.rend() ? nullptr : &found->text;
}

LooseJson ReadLooseObject(std::string_view text) {
  LooseJson json;
  Reader reader(text);
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  reader.SkipBlanks();
  if (text.substr(reader.at()).starts_with(kMark)) reader.Skip(kMark.size());
  reader.SkipBlanks();
  if (reader.Peek() != '{') {
    json.why = "it is no JSON object";
    return json;
  }
  reader.Members(1, [&](const std::string& name, std::string& value) {
    json.members.push_back({JsonText(name).value_or(""), std::move(value)});
  });
  if (reader.why.empty()) reader.SkipBlanks();
  json.used = reader.at();
  json.mended = reader.mended;
  json.why = std::move(reader.why);
  return json;
}

std::optional<std::string> MendJson(std::string_view text, unsigned* mended) {
  std::string out;
  Reader reader(text);
  if (!reader.Value(out, 1)) return std::nullopt;
  reader.SkipBlanks();
  if (reader.at() != text.size()) return std::nullopt;
  if (mended) *mended |= reader.mended;
  return out;
}

std::vector<std::string> JsonItems(std::string_view array) {
  std::vector<std::string> items;
  Reader reader(array);
  reader.SkipBlanks();
  if (reader.Peek() != '[') return items;
  reader.Items(1, [&](std::string& value) { items.push_back(std::move(value)); });
  return items;
}

std::optional<std::string> JsonText(std::string_view json) {
  if (json.size() < 2 || json.front() != '"') return std::nullopt;
  json = json.substr(1, json.size() - 2);
  std::string text;
  for (std::size_t i = 0; i < json.size(); ++i) {
    if (json[i] != '\\') {
      text += json[i];
      continue;
    }
    constexpr std::string_view kFrom = "\"\\/bfnrt", kTo = "\"\\/\b\f\n\r\t";
    char c = ++i < json.size() ? json[i] : '\0';
    if (auto found = kFrom.find(c); c != '\0' && found != kFrom.npos) {
      text += kTo[found];
    } else if (c == 'u' && json.size() - i > 4) {  // written by WriteString: a control character
      unsigned code = 0;
      std::from_chars(json.data() + i + 1, json.data() + i + 5, code, 16);
      AppendUtf8(text, code);
      i += 4;
    }
  }
  return text;
}

}  // namespace forager
