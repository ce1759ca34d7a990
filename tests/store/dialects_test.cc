// The two dialects: every statement is known to both, and each database understands its own.
#include <gmock/gmock.h>

#include <algorithm>

#include "store/schema_version.h"
#include "store/statements.h"
#include "tests/store/store_fixture.h"

namespace forager::store {
namespace {

// What only one database needs to be told.
bool IsOwn(const std::string& name) {
  static const std::set<std::string> own{
      "quick_check",       "use_write_ahead_log", "schema_is_ours",       "count_tables",
      "integrity_check",   "leave_write_ahead_log", "count_all_jobs", "mark_commit",         "last_mark",            "database_clock",
      "server_facts",      "schema_is_there",     "lock_migrations",      "lock_claims",
      "fold_lanes",        "fold_totals",         "transaction_settings", "listen",
      "notify",            "ping",                "rollback",             "take_turns",
      "transfer_identity", "transfer_lock",       "transfer_analyze"};
  return own.contains(name);
}

std::vector<std::string> Shared(Dialect dialect) {
  auto names = StatementNames(dialect);
  std::erase_if(names, IsOwn);
  return names;
}

TEST(Dialects, KnowTheSameStatements) {
  EXPECT_THAT(Shared(Dialect::kPostgres), ::testing::ElementsAreArray(Shared(Dialect::kSqlite)));
}

TEST(Dialects, HaveEveryMigrationUpToTheNewest) {
  for (Dialect dialect : {Dialect::kSqlite, Dialect::kPostgres}) {
    auto names = StatementNames(dialect);
    auto migrations = std::ranges::count_if(
        names, [](const std::string& name) { return name.starts_with("migration_"); });
    EXPECT_EQ(migrations, kSchemaVersion);
  }
}

class Understood : public StoreTest {};
FORAGER_ON_BOTH_DRIVERS(Understood);

TEST_P(Understood, EveryWholeStatementCanBePrepared) {
  Shell shell(options_);
  Dialect dialect = OnSqlite() ? Dialect::kSqlite : Dialect::kPostgres;
  int prepared = 0;
  for (const std::string& name : StatementNames(dialect)) {
    const std::string& text = Statement(dialect, name);
    bool plannable = text.starts_with("SELECT") || text.starts_with("INSERT") ||
                     text.starts_with("UPDATE") || text.starts_with("DELETE") ||
                     text.starts_with("WITH");
    if (!plannable || text.contains("$?") || text.contains("{}") || !text.ends_with(";")) continue;
    EXPECT_EQ(shell.Try(OnSqlite() ? "EXPLAIN " + text : "PREPARE p_" + name + " AS " + text), "")
        << name;
    ++prepared;
  }
  EXPECT_GT(prepared, 80);
}

}  // namespace
}  // namespace forager::store
