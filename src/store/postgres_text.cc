#include "store/postgres_text.h"

#include <fmt/format.h>

namespace forager::store {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// The length of the UTF-8 character at the front; 0 when there is none (or a NUL).
std::size_t CharacterAt(std::string_view text) {
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char first = byte(0);
  if (first == 0) return 0;
  if (first < 0x80) return 1;
  std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  unsigned char second = byte(1);
  bool overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
  bool surrogate = first == 0xED && second > 0x9F;
  bool beyond = first == 0xF4 && second > 0x8F;
  return overlong || surrogate || beyond ? 0 : length;
}

bool IsPlain(std::string_view text) {
  for (char c : text) {
    if (c <= 0) return false;
  }
  return true;
}

}  // namespace

std::string Clean(std::string_view text) {
  if (IsPlain(text)) return std::string(text);
  std::string clean;
  clean.reserve(text.size());
  while (!text.empty()) {
    std::size_t length = CharacterAt(text);
    clean.append(length > 0 ? text.substr(0, length) : kReplacement);
    text.remove_prefix(std::max<std::size_t>(1, length));
  }
  return clean;
}

namespace {

struct Writer {
  std::string& text;
  bool operator()(std::monostate) const { return false; }
  bool operator()(std::int64_t value) const {
    text = std::to_string(value);
    return true;
  }
  bool operator()(double value) const {
    text = fmt::format("{}", value);
    return true;
  }
  bool operator()(std::string_view value) const {
    text = Clean(value);
    return true;
  }
  bool operator()(const std::string& value) const { return (*this)(std::string_view(value)); }
};

}  // namespace

bool WriteParam(const Param& param, std::string& text) {
  return std::visit(Writer{text}, param.value());
}

std::vector<std::string> ArraysOf(std::span<const Database::Row> rows) {
  std::vector<std::string> columns(rows.empty() ? 0 : rows.front().size(), "{");
  std::string text;
  for (const Database::Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      std::string& column = columns[i];
      if (column.size() > 1) column.push_back(',');
      if (!WriteParam(row[i], text)) {
        column.append("NULL");
        continue;
      }
      column.push_back('"');
      for (char c : text) {
        if (c == '"' || c == '\\') column.push_back('\\');
        column.push_back(c);
      }
      column.push_back('"');
    }
  }
  for (std::string& column : columns) column.push_back('}');
  return columns;
}

std::string StoredTime(std::string_view text) {
  constexpr std::string_view kForm = "2026-11-23 10:00:00.000";
  constexpr std::size_t kSeconds = kForm.size() - 4;
  if (text.size() < kSeconds || !text.ends_with("+00")) return std::string(text);
  text.remove_suffix(3);
  text = text.substr(0, kForm.size());
  if (text.size() == kSeconds) return fmt::format("{}.000", text);
  return fmt::format("{:0<23}", text);
}

}  // namespace forager::store
