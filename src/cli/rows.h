// Lists of JSON objects as a table, CSV, JSON or JSON lines, from one description of their columns.
#pragma once

#include <boost/json/fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/client.h"

namespace forager::cli {

enum class Show {
  kText,
  kState,   // coloured
  kAge,     // a time, as how long ago
  kDue,     // a time to come, as in how long
  kNumber,  // right-aligned, grouped
  kPercent,
  kSeconds,
  kMinutes,
  kBytes,
  kYesNo,
};

struct Column {
  std::string_view title;  // of the table; "" stands in CSV only
  std::string_view path;   // of the member, and the heading in CSV
  Show show = Show::kText;
  int widest = 40;  // cells in the table
  int needs = 0;    // left out on a terminal with fewer columns
};

// Rows as they come; nothing of a long list is held but the table's first thousand.
class RowWriter {
 public:
  RowWriter(Client& client, std::span<const Column> columns);
  void Add(const boost::json::value& row);
  // `empty` is said on stderr when no row came.
  void End(std::string_view empty = {});

 private:
  bool Shown(const Column& column) const;
  void AddCells(const boost::json::value& row);
  void FlushTable();
  void WriteCsv(const boost::json::value& row);

  Client& client_;
  std::span<const Column> columns_;
  std::vector<std::vector<std::string>> cells_;
  std::vector<int> widths_;
  std::size_t count_ = 0;
};

// One cell as a person reads it, clean, without colour.
std::string Cell(const boost::json::value& row, const Column& column, WallTime now);
// One field of CSV (RFC 4180).
std::string CsvField(std::string_view text);
// The same for text of strangers: a spreadsheet that would take it for a formula gets it behind a
// quotation mark.
std::string CsvText(std::string_view text);

// "Name   value" lines; in other formats the object itself. Columns without a value are left out.
void PrintFacts(Client& client, const boost::json::value& object, std::span<const Column> columns);

}  // namespace forager::cli
