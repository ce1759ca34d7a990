// The two databases of a transfer: opened so that nobody else changes them meanwhile, and looked at
// before anything is written.
#pragma once

#include <memory>
#include <string>

#include "store/postgres_database.h"
#include "store/sqlite_database.h"
#include "store/transfer.h"

namespace forager::store {

struct TransferEnds {
  std::unique_ptr<SqliteDatabase> sqlite;
  std::unique_ptr<PostgresDatabase> postgres;
  bool to_postgres = true;
  std::string from_name, to_name;  // as they may be shown
  std::vector<TransferTable> plan;
  bool target_is_new = false;  // a dry run: it has no tables yet

  Database& from() { return to_postgres ? static_cast<Database&>(*sqlite) : *postgres; }
  Database& to() { return to_postgres ? static_cast<Database&>(*postgres) : *sqlite; }
};

// Makes the target's tables unless nothing may be written.
Result<TransferEnds> OpenTransfer(const TransferOptions& options);

}  // namespace forager::store
