#include "store/statements.h"

#include <map>
#include <stdexcept>

#include "store/AccessSql.h"
#include "store/AlertsSql.h"
#include "store/ClaimSql.h"
#include "store/HistorySql.h"
#include "store/HostsSql.h"
#include "store/JobsSql.h"
#include "store/ListSql.h"
#include "store/MetricsSql.h"
#include "store/NodesSql.h"
#include "store/PostgresSchemaSql.h"
#include "store/PostgresSql.h"
#include "store/ReadsSql.h"
#include "store/SchedulesSql.h"
#include "store/SqliteSchemaSql.h"
#include "store/SqliteSql.h"
#include "store/TransactionSql.h"
#include "store/TransferSql.h"

namespace forager::store {
namespace {

using Statements = std::map<std::string, std::string, std::less<>>;

// "-- name: x" opens a statement, which goes on to the next one; comment lines before it are
// dropped.
void Read(std::string_view text, Statements& into) {
  constexpr std::string_view kMark = "-- name: ";
  std::string* open = nullptr;
  while (!text.empty()) {
    auto end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.starts_with(kMark)) {
      auto [place, is_new] = into.try_emplace(std::string(line.substr(kMark.size())));
      if (!is_new) throw std::logic_error("two statements named " + place->first);
      open = &place->second;
    } else if (open && !line.starts_with("--")) {
      open->append(line).push_back('\n');
    }
  }
}

void Replace(std::string& text, std::string_view mark, std::string_view by) {
  if (auto at = text.find(mark); at != std::string::npos) text.replace(at, mark.size(), by);
}

// What stands for another named text.
constexpr std::pair<std::string_view, std::string_view> kPieces[] = {
    {"{job}", "job_columns"},
    {"{attempt}", "attempt_columns"},
    {"{change}", "change_columns"},
    {"{schedule}", "schedule_columns"},
    {"{alert}", "alert_columns"},
    {"{message}", "message_columns"},
    {"{held}", "held"},
    {"{unheld}", "unheld"},
    {"{running}", "running_columns"},
    {"{refs}", "refs"},
    {"{bulk}", "bulk_columns"},
    {"{unindexed}", "unindexed"}};

// The text both dialects share, then what each says in its own way.
Statements ReadAll(std::initializer_list<std::string_view> own) {
  Statements all;
  for (std::string_view text :
       {kJobsSql, kHostsSql, kClaimSql, kReadsSql, kListSql, kAccessSql, kMetricsSql, kAlertsSql,
        kNodesSql, kSchedulesSql, kHistorySql, kTransferSql, kTransactionSql}) {
    Read(text, all);
  }
  for (std::string_view text : own) Read(text, all);
  for (auto& [name, text] : all) {
    while (text.ends_with('\n')) text.pop_back();
    for (const auto& [mark, piece] : kPieces) Replace(text, mark, all.at(std::string(piece)));
  }
  return all;
}

const Statements& Of(Dialect dialect) {
  static const Statements sqlite = ReadAll({kSqliteSql, kSqliteSchemaSql});
  static const Statements postgres = ReadAll({kPostgresSql, kPostgresSchemaSql});
  return dialect == Dialect::kSqlite ? sqlite : postgres;
}

}  // namespace

const std::string& Statement(Dialect dialect, std::string_view name) {
  const Statements& all = Of(dialect);
  auto found = all.find(name);
  if (found == all.end()) throw std::logic_error("no statement named " + std::string(name));
  return found->second;
}

std::vector<std::string> StatementNames(Dialect dialect) {
  std::vector<std::string> names;
  for (const auto& [name, text] : Of(dialect)) names.push_back(name);
  return names;
}

}  // namespace forager::store
