#include "supervisor/output_levels.h"

#include <algorithm>
#include <charconv>

#include "job/codec.h"
#include "job/loose_json.h"
#include "job/text.h"

namespace forager::supervisor {
namespace {

constexpr std::size_t kLookAt = 160;  // a level stands near the front
constexpr int kWords = 5;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsWordChar(char c) {
  return IsDigit(c) || IsUpper(c) || (c >= 'a' && c <= 'z') || c == '_' || c == '.';
}

// The bytes of an escape sequence at the front.
std::size_t EscapeSize(std::string_view text) {
  if (text.size() < 2) return text.size();
  char kind = text[1];
  if (kind == '[') {
    std::size_t end = 2;
    while (end < text.size() && (text[end] < '@' || text[end] > '~')) {
      if (text[end] < ' ') return end;  // broken off
      ++end;
    }
    return std::min(end + 1, text.size());
  }
  if (kind == ']' || kind == 'P' || kind == '_' || kind == '^') {  // up to BEL or ESC backslash
    std::size_t end = text.find_first_of("\x07\x1b", 2);
    if (end == text.npos) return text.size();
    return text[end] == '\x07' ? end + 1 : std::min(end + 2, text.size());
  }
  return std::string_view("()*+#%").contains(kind) ? std::min<std::size_t>(3, text.size()) : 2;
}

// pino and bunyan: 10 trace, 20 debug, 30 info, 40 warn, 50 error, 60 fatal.
std::optional<LogLevel> LevelOfJson(std::string_view line) {
  LooseJson json = ReadLooseObject(line);
  if (!json.readable()) return std::nullopt;
  for (std::string_view name : {"level", "levelname", "severity", "lvl"}) {
    const std::string* value = json.Find(name);
    if (!value) continue;
    if (auto word = JsonText(*value)) return ParseLogLevel(*word);
    int number = 0;
    std::from_chars(value->data(), value->data() + value->size(), number);
    if (number < 10 || number > 60) return std::nullopt;
    if (number < 30) return LogLevel::kDebug;
    if (number < 40) return LogLevel::kInfo;
    return number < 50 ? LogLevel::kWarning : LogLevel::kError;
  }
  return std::nullopt;
}

// A level in capitals among the first words, after a time and the like: "... - name - ERROR - x",
// "[ERROR] x", "10:00:00.123 | INFO | x".
std::optional<LogLevel> LevelOfWords(std::string_view line) {
  line = line.substr(0, kLookAt);
  int words = 0;
  bool after_mark = true;  // the front, a bracket, a dash, a bar: where levels stand
  for (std::size_t at = 0; at < line.size() && words < kWords;) {
    if (!IsWordChar(line[at])) {
      char c = line[at++];
      if (c == '[' || c == '|' || c == '-' || c == ']' || c == '<' || c == '(') after_mark = true;
      continue;
    }
    std::size_t end = at;
    while (end < line.size() && IsWordChar(line[end])) ++end;
    std::string_view word = line.substr(at, end - at);
    bool capitals = std::ranges::all_of(word, IsUpper);
    char next = end < line.size() ? line[end] : ' ';
    bool marked = after_mark || next == ':' || next == ']' || next == '|';
    if (capitals && marked) {
      if (auto level = ParseLogLevel(word)) return level;
    }
    after_mark = IsDigit(word.front());  // part of a time
    if (!after_mark) ++words;
    at = end;
  }
  return std::nullopt;
}

// "error: x", "warning: x", "npm ERR! x", "npm WARN x".
std::optional<LogLevel> LevelOfPrefix(std::string_view line) {
  if (line.starts_with("npm ")) {
    std::string_view rest = line.substr(4);
    if (rest.starts_with("ERR!") || rest.starts_with("error")) return LogLevel::kError;
    if (rest.starts_with("WARN") || rest.starts_with("warn")) return LogLevel::kWarning;
    return std::nullopt;
  }
  auto colon = line.find(':');
  if (colon == line.npos || colon > 10) return std::nullopt;
  std::string_view word = line.substr(0, colon);
  if (word == "log") return LogLevel::kInfo;
  return ParseLogLevel(word);
}

// /path/x.py:3: UserWarning: y
bool IsPythonWarning(std::string_view line) {
  auto at = line.find("Warning: ");
  if (at == line.npos || at == 0 || at > 1'000) return false;
  std::size_t begin = at;
  while (begin > 0 && IsWordChar(line[begin - 1])) --begin;
  return begin == 0 || line.substr(0, begin).ends_with(": ");
}

constexpr std::string_view kDeaths[] = {"FATAL ERROR: ",
                                        "Fatal Python error: ",
                                        "panic: ",
                                        "fatal error: ",
                                        "terminate called ",
                                        "Segmentation fault",
                                        "Unhandled ",
                                        "Uncaught ",
                                        "UnhandledPromiseRejection",
                                        "Exception in thread "};
// As shells and system calls end their lines.
constexpr std::string_view kComplaints[] = {": command not found", ": not found",
                                            ": No such file or directory", ": Permission denied",
                                            ": Cannot allocate memory"};

}  // namespace

std::string PlainText(std::string_view line) {
  std::string text;
  text.reserve(line.size());
  while (!line.empty()) {
    char c = line.front();
    if (c == '\x1b') {
      line.remove_prefix(EscapeSize(line));
      continue;
    }
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f)
      text += c;
    else if (c == '\t' || c == '\n')
      text += c;
    else if (c == '\r' && line.size() > 1)
      text += "\\r";
    line.remove_prefix(1);
  }
  return text;
}

bool IsException(std::string_view line) {
  for (std::string_view prefix : {"Uncaught ", "Unhandled "}) {
    if (line.starts_with(prefix)) line.remove_prefix(prefix.size());
  }
  std::size_t end = 0;
  while (end < line.size() && IsWordChar(line[end])) ++end;
  std::string_view name = line.substr(0, end), rest = line.substr(end);
  bool named = name.ends_with("Error") || name.ends_with("Exception") ||
               name.ends_with("Interrupt") || name.ends_with("SystemExit") ||
               name.ends_with("ExceptionGroup");
  if (!named) return false;
  if (rest.starts_with(" [")) {  // Error [ERR_X]: y
    auto close = rest.find(']');
    rest = close == rest.npos ? rest : rest.substr(close + 1);
  }
  return rest.empty() || rest.starts_with(":");
}

bool BeginsTraceback(std::string_view line) {
  return line.find("Traceback (most recent call last):") != line.npos ||
         (line.starts_with("  File \"") && line.find("\", line ") != line.npos);
}

bool IsOutOfMemory(std::string_view line) {
  for (std::string_view words :
       {"MemoryError", "JavaScript heap out of memory", "OutOfMemoryError", "std::bad_alloc",
        "Cannot allocate memory", "runtime: out of memory", "JavaScript heap limit"}) {
    if (line.find(words) != line.npos) return true;
  }
  return line.starts_with("FATAL ERROR: ") && line.find("Allocation failed") != line.npos;
}

bool IsNoise(std::string_view line) {
  if (line.find_first_not_of("^~ \t}]);") == line.npos) return true;
  if (line.front() == ' ' || line.front() == '\t') return true;
  if (line.starts_with("Node.js v") || line.starts_with("npm ERR! A complete log") ||
      line.starts_with("-----") || line.starts_with("<---")) {
    return true;
  }
  // 10: 0xb7a940 node::Abort()
  std::size_t digits = 0;
  while (digits < line.size() && IsDigit(line[digits])) ++digits;
  return digits > 0 && line.substr(digits).starts_with(": 0x");
}

std::optional<LogLevel> LevelOf(std::string_view line) {
  auto first = line.find_first_not_of(" \t");
  if (first == line.npos) return std::nullopt;
  if (line[first] == '{') return LevelOfJson(line);
  if (IsException(line)) return LogLevel::kError;
  for (std::string_view death : kDeaths) {
    if (line.starts_with(death)) return LogLevel::kError;
  }
  if (IsPythonWarning(line)) return LogLevel::kWarning;
  if (auto level = LevelOfPrefix(line)) return level;
  if (auto level = LevelOfWords(line)) return level;
  for (std::string_view complaint : kComplaints) {
    if (line.ends_with(complaint)) return LogLevel::kError;
  }
  return std::nullopt;
}

}  // namespace forager::supervisor
