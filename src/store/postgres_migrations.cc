#include "store/postgres_migrations.h"

#include <fmt/format.h>

#include "store/schema_version.h"
#include "store/statements.h"

namespace forager::store {
namespace {

constexpr int kOldest = 130'000;

Result<void> CheckServer(PostgresDatabase& database, const std::string& shown) {
  Rows rows = database.Query("server_facts", {});
  rows.Next();
  auto refuse = [&](const std::string& why) {
    return Fail(ErrorCode::kInvalid, fmt::format("{} cannot be used: {}", shown, why));
  };
  if (rows.Int(0) < kOldest) {
    return refuse(fmt::format("it is PostgreSQL {}; 13 or newer is needed.", rows.Int(0) / 10'000));
  }
  if (rows.View(1) != "UTF8")
    return refuse(fmt::format("its encoding is {}; UTF8 is needed.", rows.View(1)));
  if (rows.Int(2) != 0) return refuse("it is a standby, which cannot be written.");
  if (rows.View(3).empty())
    return refuse("none of the schemas in its search_path exists.");
  return {};
}

Result<int> Version(PostgresDatabase& database, const std::string& shown) {
  bool there = false, may_create = false;
  {
    Rows rows = database.Query("schema_is_there", {});
    rows.Next();
    there = rows.Int(0) != 0;
    may_create = rows.Int(1) != 0;
  }
  if (!there && !may_create) {
    return Fail(ErrorCode::kInvalid,
                fmt::format("{} cannot be used: the role may not create tables; as its owner, run "
                            "GRANT CREATE ON SCHEMA public TO <role>.",
                            shown));
  }
  if (!there) database.Execute("create_schema_table", {});
  Rows rows = database.Query("schema_version", {});
  rows.Next();
  return static_cast<int>(rows.Int(0));
}

}  // namespace

Result<void> MigratePostgres(PostgresDatabase& database, const std::string& shown) {
  database.BeginWrite();
  if (auto good = CheckServer(database, shown); !good) return good;
  database.Send("lock_migrations", {});
  auto version = Version(database, shown);
  if (!version) return std::unexpected(version.error());
  if (*version > kSchemaVersion + 1) {
    return Fail(ErrorCode::kInvalid,
                fmt::format("{} has schema version {}, made by a newer forager; this one knows "
                            "versions up to {}.",
                            shown, *version, kSchemaVersion + 1));
  }
  for (int next = *version + 1; next <= kSchemaVersion; ++next) {
    database.Run(Statement(Dialect::kPostgres, fmt::format("migration_{}", next)));
    database.Execute("record_version", {next});
  }
  database.Commit({});
  return {};
}

}  // namespace forager::store
