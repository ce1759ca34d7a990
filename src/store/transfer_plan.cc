#include "store/transfer_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "store/statements.h"

namespace forager::store {
namespace {

using enum TableRole;

// Attempts before jobs: an attempt that comes first has no job whose slot its trigger could change.
constexpr std::array kKnown{
    KnownTable{"collection_attempts", kMoved},
    KnownTable{"collection_job_logs", kMoved},
    KnownTable{"collection_changes", kMoved},
    KnownTable{"collection_jobs", kMoved},
    KnownTable{"collection_schedules", kMoved},
    KnownTable{"collection_schedule_runs", kMoved},
    KnownTable{"collection_history", kMoved},
    KnownTable{"collection_pauses", kMoved},
    KnownTable{"collection_tokens", kMoved},
    KnownTable{"collection_login_codes", kMoved},
    KnownTable{"collection_sessions", kMoved},
    KnownTable{"collection_answers", kMoved},
    KnownTable{"collection_facts", kMoved},
    KnownTable{"collection_lanes", kDerived},
    KnownTable{"collection_lane_offers", kDerived},
    KnownTable{"collection_totals", kDerived},
    KnownTable{"collection_total_sums", kDerived},
    KnownTable{"collection_total_deltas", kDerived},
    KnownTable{"collection_schema", kOwn},
    KnownTable{"collection_nodes", kOwn},
    KnownTable{"collection_writers", kOwn},
    KnownTable{"collection_hosts", kMoved},
    KnownTable{"collection_alerts", kMoved},
    KnownTable{"collection_alert_messages", kMoved},
};

constexpr int kPageOfLarge = 100;  // rows of tables whose rows may be large

struct Catalogue {
  struct Column {
    std::string name, type;
    bool required = false;
    int key = 0;  // place in the primary key, from 1
  };
  std::map<std::string, std::vector<Column>, std::less<>> tables;
};

Catalogue ReadCatalogue(Database& database) {
  Catalogue catalogue;
  Rows rows = database.Query("transfer_columns", {});
  while (rows.Next()) {
    catalogue.tables[rows.Text(0)].push_back(
        {rows.Text(1), rows.Text(2), rows.Int(3) != 0, static_cast<int>(rows.Int(4))});
  }
  return catalogue;
}

std::optional<TransferColumn> ColumnOf(const Catalogue::Column& from) {
  static const std::map<std::string_view, Kind> kinds{
      {"bigint", Kind::kInteger}, {"integer", Kind::kInteger},
      {"text", Kind::kText},      {"double precision", Kind::kReal},
      {"jsonb", Kind::kJson},     {"timestamp with time zone", Kind::kTime}};
  auto kind = kinds.find(from.type);
  if (kind == kinds.end()) return std::nullopt;
  return TransferColumn{from.name,     from.type, kind->second, from.type == "integer",
                        from.required, INT64_MIN};
}

std::set<std::string> NamesOf(const std::vector<Catalogue::Column>& columns) {
  std::set<std::string> names;
  for (const auto& column : columns) names.insert(column.name);
  return names;
}

std::unexpected<Error> Unknown(const std::string& what) {
  return Fail(
      ErrorCode::kInvalid,
      fmt::format("{} is not known to this forager, so it cannot be moved: nothing was done.",
                  what));
}

Result<TransferTable> TableOf(std::string_view name,
                              const std::vector<Catalogue::Column>& columns) {
  TransferTable table;
  table.name = name;
  std::map<int, std::size_t> key;
  for (const auto& from : columns) {
    auto column = ColumnOf(from);
    if (!column) return Unknown(fmt::format("The column {}.{} ({})", name, from.name, from.type));
    // A job of revision 0 was inserted by hand and is mended as it comes: it was mended already.
    if (name == "collection_jobs" && column->name == "revision") column->least = 1;
    if (from.key > 0) key[from.key] = table.columns.size();
    table.columns.push_back(std::move(*column));
  }
  if (key.empty()) return Unknown(fmt::format("The key of the table {}", name));
  for (auto [place, index] : key) table.key.push_back(index);
  table.by_id = table.key.size() == 1 && table.columns[table.key[0]].name == "id";
  table.facts = name == "collection_facts";
  if (name == "collection_answers" || name == "collection_attempts") table.page = kPageOfLarge;
  return table;
}

}  // namespace

std::span<const KnownTable> KnownTables() { return kKnown; }

Result<std::vector<TransferTable>> PlanTransfer(Database& postgres, Database* other) {
  Catalogue first = ReadCatalogue(postgres);
  Catalogue second = other ? ReadCatalogue(*other) : Catalogue{};
  for (const Catalogue* catalogue : {&first, &second}) {
    for (const auto& [name, columns] : catalogue->tables) {
      if (std::ranges::find(kKnown, name, &KnownTable::name) == kKnown.end())
        return Unknown("The table " + name);
    }
  }
  std::vector<TransferTable> plan;
  for (const KnownTable& known : kKnown) {
    if (known.role != kMoved) continue;
    auto columns = first.tables.find(known.name);
    if (columns == first.tables.end())
      return Fail(ErrorCode::kInvalid, fmt::format("The table {} is missing.", known.name));
    if (other && NamesOf(columns->second) != NamesOf(second.tables[columns->first]))
      return Fail(ErrorCode::kInvalid,
                  fmt::format("The table {} has other columns in one database than in the other: "
                              "nothing was done.",
                              known.name));
    auto table = TableOf(known.name, columns->second);
    if (!table) return std::unexpected(table.error());
    plan.push_back(std::move(*table));
  }
  return plan;
}

std::string TransferSql(Dialect dialect, std::string_view name, const TransferTable& table) {
  std::vector<std::string> columns, values, arrays, params, key, key_params;
  for (const TransferColumn& column : table.columns) {
    columns.push_back(fmt::format("\"{}\"", column.name));
    values.push_back(fmt::format("r.\"{}\"::{}", column.name, column.type));
    params.push_back(fmt::format("${}", columns.size()));
    arrays.push_back(params.back() + "::text[]");
  }
  for (std::size_t index : table.key) {
    key.push_back(columns[index]);
    key_params.push_back(fmt::format("${}", key.size()));
  }
  std::string sql = Statement(dialect, name);
  auto replace = [&](std::string_view mark, const std::string& by) {
    for (auto at = sql.find(mark); at != sql.npos; at = sql.find(mark, at + by.size()))
      sql.replace(at, mark.size(), by);
  };
  replace("{table}", table.name);
  replace("{columns}", fmt::to_string(fmt::join(columns, ", ")));
  replace("{values}", fmt::to_string(fmt::join(values, ", ")));
  replace("{arrays}", fmt::to_string(fmt::join(arrays, ", ")));
  replace("{params}", fmt::to_string(fmt::join(params, ", ")));
  replace("{key}", fmt::to_string(fmt::join(key, ", ")));
  replace("{key_params}", fmt::to_string(fmt::join(key_params, ", ")));
  replace("{rows}", std::to_string(table.page));
  return sql;
}

}  // namespace forager::store
