#include "store/transfer_rows.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "job/time.h"
#include "store/canonical_json.h"
#include "store/postgres_text.h"

namespace forager::store {
namespace {

constexpr std::size_t kMaxPageBytes = 8 << 20;
constexpr std::size_t kShownBytes = 40;

// Of one database and its server: who it is, its first token's file, how far a transfer has come.
bool IsOwnFact(const std::string& name) {
  std::string first = name.substr(0, name.find(' '));
  return first == "probe" || first == "node_id" || first == "admin_token_made" ||
         first == "transfer";
}

std::string Shown(std::string_view text) {
  return JsonString(Clean(text.substr(0, kShownBytes))) + (text.size() > kShownBytes ? "..." : "");
}

TransferValue ReadInteger(const Rows& rows, int index, const TransferColumn& column,
                          std::string& replaced) {
  std::string_view text = rows.View(index);
  std::int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  bool whole = error == std::errc{} && end == text.data() + text.size();
  std::string shown = whole ? "" : Shown(text);
  if (!whole) value = rows.Int(index);
  std::int64_t taken = value;
  if (column.small) taken = std::clamp<std::int64_t>(value, INT32_MIN, INT32_MAX);
  if (!whole) replaced = fmt::format("{} is no whole number: {}", shown, taken);
  if (whole && taken != value) replaced = fmt::format("{} is beyond 32 bits: {}", value, taken);
  return std::max(taken, column.least);
}

TransferValue ReadReal(const Rows& rows, int index, const TransferColumn& column,
                       std::string& replaced) {
  double value = rows.Real(index);
  std::string text = rows.Text(index);
  char* end = nullptr;
  std::strtod(text.c_str(), &end);
  if (text.empty() || end != text.c_str() + text.size())
    replaced = fmt::format("{} is no number: {}", Shown(text), value);
  if (std::isnan(value)) {
    replaced = "NaN is not kept by every database";
    if (!column.required) return {};
    value = 0;
  }
  return value == 0 ? 0.0 : value;  // minus zero is zero
}

std::optional<WallTime> ReadTime(const std::string& text) {
  for (const char* rest : {"", ":00", " 00:00:00"}) {
    if (auto time = ParseSqlTime(text + rest)) return time;
  }
  return ParseRfc3339(text);
}

TransferValue ReadTimeValue(const Rows& rows, int index, const TransferColumn& column,
                            std::string& replaced) {
  std::string text = rows.Text(index);
  if (auto time = ReadTime(text)) return FormatSqlTime(*time);
  // As the server has read it until now.
  replaced = fmt::format("{} is no time: {}", Shown(text), column.required ? "1970-01-01" : "none");
  if (!column.required) return {};
  return FormatSqlTime(WallTime{});
}

TransferValue ReadJson(const Rows& rows, int index, std::string& replaced) {
  std::string_view text = rows.View(index);
  std::string clean = Clean(text);
  if (clean != text) replaced = "bytes that are no text: U+FFFD";
  auto json = ToCanonicalJson(clean);
  if (!json) {
    replaced = fmt::format("{} is no JSON that every database holds: a JSON string", Shown(text));
    return JsonString(clean);
  }
  if (json->had_nul) replaced = "a NUL character: U+FFFD";
  return std::move(json->text);
}

}  // namespace

std::string TransferRow::KeyText() const {
  std::string text;
  for (const TransferValue& part : key) {
    if (!text.empty()) text.push_back(' ');
    if (auto* number = std::get_if<std::int64_t>(&part)) text += std::to_string(*number);
    if (auto* words = std::get_if<std::string>(&part)) text += Clean(*words);
  }
  return text;
}

Param ToParam(const TransferValue& value) {
  if (auto* number = std::get_if<std::int64_t>(&value)) return *number;
  if (auto* real = std::get_if<double>(&value)) return *real;
  if (auto* text = std::get_if<std::string>(&value)) return *text;
  return std::nullopt;
}

TransferValue ReadValue(const Rows& rows, int index, const TransferColumn& column,
                        std::string& replaced) {
  if (rows.IsNull(index)) return {};
  switch (column.kind) {
    case Kind::kInteger:
      return ReadInteger(rows, index, column, replaced);
    case Kind::kReal:
      return ReadReal(rows, index, column, replaced);
    case Kind::kTime:
      return ReadTimeValue(rows, index, column, replaced);
    case Kind::kJson:
      return ReadJson(rows, index, replaced);
    case Kind::kText:
      break;
  }
  std::string clean = Clean(rows.View(index));
  if (clean != rows.View(index)) replaced = "bytes that are no text: U+FFFD";
  return clean;
}

void AppendCanonical(const TransferRow& row, std::string& text) {
  for (const TransferValue& value : row.values) {
    if (auto* number = std::get_if<std::int64_t>(&value)) {
      text += fmt::format("i{};", *number);
    } else if (auto* real = std::get_if<double>(&value)) {
      text += fmt::format("r{};", *real);
    } else if (auto* words = std::get_if<std::string>(&value)) {
      text += fmt::format("t{}:{};", words->size(), *words);
    } else {
      text += "-;";
    }
  }
  text.push_back('\n');
}

// Numbers in digits, texts in hexadecimal behind an x: what they hold may be no text.
std::string WriteKey(const std::vector<TransferValue>& key) {
  std::string text;
  for (const TransferValue& part : key) {
    if (!text.empty()) text.push_back(' ');
    if (auto* number = std::get_if<std::int64_t>(&part)) text += std::to_string(*number);
    if (auto* words = std::get_if<std::string>(&part)) {
      text.push_back('x');
      for (char c : *words) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
    }
  }
  return text;
}

std::optional<std::vector<TransferValue>> ParseKey(std::string_view text) {
  std::vector<TransferValue> key;
  while (!text.empty()) {
    std::string_view part = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    if (part.starts_with('x')) {
      std::string words;
      for (std::size_t i = 1; i + 1 < part.size(); i += 2) {
        unsigned byte = 0;
        auto [end, error] = std::from_chars(part.data() + i, part.data() + i + 2, byte, 16);
        if (error != std::errc{}) return std::nullopt;
        words.push_back(static_cast<char>(byte));
      }
      key.emplace_back(std::move(words));
      continue;
    }
    std::int64_t number = 0;
    auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), number);
    if (error != std::errc{} || end != part.data() + part.size()) return std::nullopt;
    key.emplace_back(number);
  }
  if (key.empty()) return std::nullopt;
  return key;
}

TransferReader::TransferReader(Database& database, const TransferTable& table)
    : database_(database),
      table_(table),
      first_page_(TransferSql(database.dialect(), "transfer_first_page", table)),
      page_(TransferSql(database.dialect(), "transfer_page", table)) {}

bool TransferReader::Next(std::vector<TransferRow>& page) {
  page.clear();
  std::vector<Param> params;
  if (last_) {
    for (const TransferValue& part : *last_) params.push_back(ToParam(part));
  }
  std::optional<std::vector<TransferValue>> last;
  database_.BeginRead();
  {
    std::size_t bytes = 0;
    Rows rows = database_.QueryComposed(last_ ? page_ : first_page_, params);
    while (bytes < kMaxPageBytes && rows.Next()) {
      TransferRow row;
      for (std::size_t i = 0; i < table_.columns.size(); ++i) {
        std::string replaced;
        row.values.push_back(ReadValue(rows, static_cast<int>(i), table_.columns[i], replaced));
        if (!replaced.empty()) row.replaced.push_back({i, std::move(replaced)});
        if (auto* text = std::get_if<std::string>(&row.values.back())) bytes += text->size();
      }
      for (std::size_t index : table_.key) {
        bool number = std::holds_alternative<std::int64_t>(row.values[index]);
        if (number) row.key.push_back(row.values[index]);
        if (!number) row.key.emplace_back(rows.Text(static_cast<int>(index)));
        for (const auto& replaced : row.replaced) row.movable &= replaced.column != index;
      }
      last = row.key;
      if (!(table_.facts && IsOwnFact(row.KeyText()))) page.push_back(std::move(row));
    }
  }
  database_.Commit({});
  if (!last) return false;
  last_ = std::move(last);
  return true;
}

}  // namespace forager::store
