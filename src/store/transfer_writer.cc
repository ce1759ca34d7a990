#include "store/transfer_writer.h"

#include <fmt/format.h>

#include "store/postgres_text.h"

namespace forager::store {
namespace {

// The row is to blame, and not the database.
bool IsOfTheRow(const DatabaseError& error) {
  switch (error.fault) {
    case Fault::kConstraint:
    case Fault::kRace:  // a unique value that another row has
    case Fault::kOther:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::string ProgressFact(const TransferTable& table) { return "transfer " + table.name; }

TransferWriter::TransferWriter(Database& database, const TransferTable& table)
    : database_(database),
      table_(table),
      sql_(TransferSql(database.dialect(), "transfer_insert", table)) {}

bool TransferWriter::Write(std::span<const TransferRow> rows, const std::string& from,
                           const std::string& to) {
  std::vector<const TransferRow*> movable;
  for (const TransferRow& row : rows) {
    if (row.movable) movable.push_back(&row);
  }
  database_.BeginWrite();
  if (database_.Execute("transfer_advance", {ProgressFact(table_), from, to}) != 1) {
    database_.Rollback();
    return false;
  }
  std::size_t refused = refused_.size();
  if (!movable.empty()) InsertOrHalve(movable);
  database_.Commit({});
  written_ += static_cast<std::int64_t>(movable.size() - (refused_.size() - refused));
  database_.AfterCommit();
  return true;
}

void TransferWriter::Insert(std::span<const TransferRow*> rows) {
  std::vector<Database::Row> params;
  params.reserve(rows.size());
  for (const TransferRow* row : rows) {
    auto& values = params.emplace_back();
    values.reserve(row->values.size());
    for (const TransferValue& value : row->values) values.push_back(ToParam(value));
  }
  if (database_.dialect() == Dialect::kPostgres) {
    std::vector<std::string> arrays = ArraysOf(params);
    std::vector<Param> columns(arrays.begin(), arrays.end());
    Rows done = database_.QueryComposed(sql_, columns);
    return;
  }
  for (const Database::Row& row : params) {
    Rows done = database_.QueryComposed(sql_, row);
    while (done.Next()) {
    }
  }
}

void TransferWriter::InsertOrHalve(std::span<const TransferRow*> rows) {
  database_.Savepoint();
  try {
    Insert(rows);
    database_.ReleaseSavepoint();
    return;
  } catch (const DatabaseError& error) {
    if (!IsOfTheRow(error) || !database_.InTransaction()) throw;
    database_.RollbackToSavepoint();
    database_.ReleaseSavepoint();
    if (rows.size() == 1) {
      refused_.push_back(fmt::format("{} {}: {}", table_.name, rows[0]->KeyText(), error.what()));
      return;
    }
  }
  InsertOrHalve(rows.first(rows.size() / 2));
  InsertOrHalve(rows.subspan(rows.size() / 2));
}

}  // namespace forager::store
