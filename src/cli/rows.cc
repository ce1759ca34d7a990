#include "cli/rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "cli/json_text.h"
#include "cli/text.h"

namespace forager::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t kMeasured = 1'000;
constexpr int kGap = 2;

bool IsRight(Show show) {
  return show == Show::kNumber || show == Show::kPercent || show == Show::kSeconds ||
         show == Show::kBytes;
}

std::string Number(double number) {
  if (number == static_cast<double>(static_cast<std::int64_t>(number)))
    return Grouped(static_cast<std::int64_t>(number));
  return fmt::format("{:.4g}", number);
}

std::string CellOfNumber(double number, Show show) {
  switch (show) {
    case Show::kPercent:
      return fmt::format("{:.0f}%", number);
    case Show::kSeconds:
      return LongSpan(std::chrono::milliseconds(static_cast<std::int64_t>(number * 1e3)));
    case Show::kMinutes:
      return fmt::format("{} min", Number(number));
    case Show::kBytes:
      return Bytes(static_cast<std::int64_t>(number));
    default:
      return Number(number);
  }
}

}  // namespace

std::string Cell(const json::value& row, const Column& column, WallTime now) {
  if (column.show == Show::kAge || column.show == Show::kDue) {
    auto time = TimeAt(row, column.path);
    if (time) {
      return column.show == Show::kAge ? ShortSpan(now - *time)
             : *time > now             ? "in " + ShortSpan(*time - now)
                                       : "now";
    }
  }
  const json::value& value = At(row, column.path);
  if (column.show == Show::kYesNo && value.is_bool()) return value.get_bool() ? "yes" : "no";
  auto number = NumberAt(row, column.path);
  if (number && column.show != Show::kText) return CellOfNumber(*number, column.show);
  return OneLine(TextAt(row, column.path));
}

std::string CsvField(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == text.npos) return std::string(text);
  std::string out = "\"";
  for (char c : text) out.append(c == '"' ? 2 : 1, c);
  return out + '"';
}

std::string CsvText(std::string_view text) {
  // ASCII, and the wide forms that a spreadsheet takes for the same.
  constexpr std::string_view kFormulas[] = {"=",  "+",  "-",  "@",  "\t", "\r",
                                            "\n", "＝", "＋", "－", "＠"};
  bool formula = std::ranges::any_of(kFormulas, [&](auto one) { return text.starts_with(one); });
  return CsvField(formula ? "'" + std::string(text) : std::string(text));
}

RowWriter::RowWriter(Client& client, std::span<const Column> columns)
    : client_(client), columns_(columns), widths_(columns.size()) {}

void RowWriter::Add(const json::value& row) {
  bool first = count_++ == 0;
  switch (client_.format) {
    case Format::kTable:
      return AddCells(row);
    case Format::kCsv:
      return WriteCsv(row);
    case Format::kJsonLines:
      return client_.out.Line(CompactJson(row));
    case Format::kJson:
      client_.out.Write(first ? "[\n  " : ",\n  ");
      return client_.out.Write(PrettyJson(row, 1));
  }
}

void RowWriter::End(std::string_view empty) {
  if (client_.format == Format::kJson) client_.out.Line(count_ == 0 ? "[]" : "\n]");
  if (client_.format == Format::kCsv && count_ == 0) WriteCsv(json::value());
  if (client_.format == Format::kTable) {
    FlushTable();
    if (count_ == 0 && !empty.empty()) client_.Note(empty);
  }
  client_.out.Flush();
}

bool RowWriter::Shown(const Column& column) const {
  bool room = !client_.out_is_terminal || client_.screen.columns >= column.needs;
  return !column.title.empty() && room;
}

void RowWriter::AddCells(const json::value& row) {
  WallTime now = client_.Now();
  std::vector<std::string> cells;
  for (const Column& column : columns_) {
    if (!Shown(column)) {
      cells.emplace_back();
      continue;
    }
    std::string text = Cell(row, column, now);
    cells.push_back(text.empty() ? "-" : Cut(text, column.widest));
  }
  cells_.push_back(std::move(cells));
  if (count_ % kMeasured == 0) FlushTable();
}

void RowWriter::FlushTable() {
  if (cells_.empty()) return;
  bool heading = count_ <= kMeasured;
  std::vector<std::string> titles;
  for (const Column& column : columns_) titles.emplace_back(column.title);
  if (heading) cells_.insert(cells_.begin(), std::move(titles));
  for (const auto& cells : cells_) {
    for (std::size_t i = 0; i < cells.size(); ++i)
      widths_[i] = std::max(widths_[i], Width(cells[i]));
  }
  std::size_t last = columns_.size();
  while (last > 0 && !Shown(columns_[last - 1])) --last;
  for (const auto& cells : cells_) {
    std::string line;
    int room = client_.out_is_terminal ? client_.screen.columns : 100'000;
    for (std::size_t i = 0; i < last && room > 0; ++i) {
      if (!Shown(columns_[i])) continue;
      int width = std::min(widths_[i], room);
      std::string cell = IsRight(columns_[i].show) ? PadLeft(cells[i], width)
                         : i + 1 < last            ? Pad(cells[i], width)
                                                   : Cut(cells[i], width);
      Tone tone = heading                            ? Tone::kBold
                  : columns_[i].show == Show::kState ? ToneOfState(cells[i])
                                                     : Tone::kPlain;
      line += client_.style.In(tone, cell);
      if (i + 1 < last) line.append(kGap, ' ');
      room -= width + kGap;
    }
    client_.out.Line(line);
    heading = false;
  }
  cells_.clear();
}

// A terminal gets nothing it would obey, a spreadsheet no formula.
void RowWriter::WriteCsv(const json::value& row) {
  auto line = [this](auto field) {
    std::string text;
    for (const Column& column : columns_) {
      if (!text.empty() || &column != &columns_.front()) text += ',';
      text += field(column);
    }
    client_.out.Line(text);
  };
  if (count_ <= 1) line([](const Column& column) { return std::string(column.path); });
  if (row.is_null()) return;
  line([&](const Column& column) {
    std::string text = TextAt(row, column.path);
    if (client_.out_is_terminal) text = OneLine(text);
    return At(row, column.path).is_number() ? CsvField(text) : CsvText(text);
  });
}

void PrintFacts(Client& client, const json::value& object, std::span<const Column> columns) {
  if (client.json()) return client.PrintJson(object);
  if (client.format == Format::kCsv) {
    RowWriter rows(client, columns);
    rows.Add(object);
    return rows.End();
  }
  int width = 0;
  for (const Column& column : columns) width = std::max(width, Width(column.title));
  for (const Column& column : columns) {
    std::string text = Cell(object, column, client.Now());
    if (text.empty() || column.title.empty()) continue;
    Tone tone = column.show == Show::kState ? ToneOfState(text) : Tone::kPlain;
    client.out.Line(fmt::format("{}  {}", client.style.In(Tone::kDim, Pad(column.title, width)),
                                client.style.In(tone, text)));
  }
}

}  // namespace forager::cli
