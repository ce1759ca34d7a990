// What a transfer between two databases moves: which tables, in which order, and their columns as
// the catalogue of the PostgreSQL side tells them.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/database.h"

namespace forager::store {

enum class TableRole {
  kMoved,
  kDerived,  // made again from what was moved
  kOwn,      // of that one database and the servers on it
};
struct KnownTable {
  std::string_view name;
  TableRole role;
};
// Every table of both schemas, those to be moved in their order.
std::span<const KnownTable> KnownTables();

enum class Kind { kInteger, kReal, kText, kTime, kJson };
struct TransferColumn {
  std::string name;
  std::string type;  // in PostgreSQL
  Kind kind = Kind::kText;
  bool small = false;  // an integer of 32 bits
  bool required = false;
  std::int64_t least = INT64_MIN;
};
struct TransferTable {
  std::string name;
  std::vector<TransferColumn> columns;
  std::vector<std::size_t> key;  // places of the primary key's columns
  bool by_id = false;            // the key is a number that PostgreSQL counts up
  bool facts = false;            // some rows of it are the database's own
  int page = 1'000;              // rows read at once
};

// Compares the columns with those of the other database when it is given. Refuses a table or a
// column that this program does not know how to move.
Result<std::vector<TransferTable>> PlanTransfer(Database& postgres, Database* other);

// A template of sql/transfer.sql with the names of this table in it.
std::string TransferSql(Dialect dialect, std::string_view name, const TransferTable& table);

}  // namespace forager::store
