#include "store/transfer_ends.h"

#include <fmt/format.h>

#include <filesystem>
#include <thread>

#include "job/plain_text.h"
#include "os/clock.h"
#include "store/migrations.h"
#include "store/postgres_migrations.h"
#include "store/postgres_url.h"
#include "store/schema_version.h"
#include "store/statements.h"

namespace forager::store {
namespace {

constexpr Millis kStatementLimit{10 * 60'000};
constexpr Millis kLockLimit{60'000};
constexpr Millis kLockAgain{50};
constexpr int kLockTries = 60;
constexpr Millis kBusy{2'000};
constexpr int kCacheKib = 64 * 1024;
constexpr std::chrono::seconds kHeardLately{
    60};  // a server that ends as it should is heard of no more

bool IsPostgres(const std::string& url) {
  return url.starts_with("postgres://") || url.starts_with("postgresql://");
}

std::unexpected<Error> Refuse(std::string why) { return Fail(ErrorCode::kInvalid, std::move(why)); }

Result<void> CheckVersion(Database& database, const std::string& name) {
  Rows rows = database.Query("schema_version", {});
  int version = rows.Next() ? static_cast<int>(rows.Int(0)) : 0;
  if (version == kSchemaVersion) return {};
  return Refuse(fmt::format(
      "{} has schema version {}, this forager has {}: {}", name, version, kSchemaVersion,
      version < kSchemaVersion ? "start this version's server on it once, and stop it again."
                               : "use the forager that it belongs to."));
}

Result<void> OpenSqlite(TransferEnds& ends, const std::string& path, bool writes) {
  bool is_source = ends.to_postgres;
  if (auto place = CheckPlace(path); !place) return place;
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    if (is_source) return Refuse(fmt::format("{} does not exist.", path));
    ends.target_is_new = !writes;
    if (!writes) return {};
  }
  SqliteOptions options{path, !writes || is_source, kBusy, kCacheKib, true};
  try {
    ends.sqlite = SqliteDatabase::Open(options);
    if (!options.read_only) {
      if (auto made = Migrate(*ends.sqlite, path); !made) return made;
      ends.sqlite->OnLogPages([](int) {});
    }
    Rows rows = ends.sqlite->Query("schema_is_ours", {});
    if (!rows.Next()) return Refuse(fmt::format("{} is no database of forager's.", path));
  } catch (const DatabaseError& failed) {
    if (failed.fault == Fault::kBusy)
      return Refuse(
          fmt::format("{} is in use: stop the server (or whatever has it open) first.", path));
    return std::unexpected(OpenError(failed, path));
  }
  return CheckVersion(*ends.sqlite, path);
}

Result<void> CheckNobodyServes(PostgresDatabase& database, const std::string& name) {
  database.BeginRead();
  std::string server;
  {
    WallTime now = database.LeaseClock(os::SystemClock().Now());
    Rows rows = database.Query("transfer_nodes", {now - kHeardLately});
    if (rows.Next()) server = rows.Text(0);
  }
  database.Commit({});
  if (server.empty()) return {};
  return Refuse(
      fmt::format("{} is served: the server on {} was heard of within the last minute. Stop "
                  "it; if it has died, wait a minute.",
                  name, server));
}

bool HasTables(PostgresDatabase& database) {
  Rows rows = database.Query("schema_is_there", {});
  return rows.Next() && rows.Int(0) != 0;
}

// The connection of a migration that was killed lives on for a moment.
bool TakeTransferLock(Database& database) {
  for (int tries = 0; tries < kLockTries; ++tries) {
    if (tries > 0) std::this_thread::sleep_for(kLockAgain);
    Rows rows = database.Query("transfer_lock", {});
    if (rows.Next() && rows.Int(0) != 0) return true;
  }
  return false;
}

Result<void> OpenPostgres(TransferEnds& ends, const std::string& url, bool writes) {
  std::string name = WithoutSecrets(url);
  if (std::string wrong = CheckPostgresUrl(url); !wrong.empty())
    return Refuse(fmt::format("{} cannot be read: {}", name, wrong));
  try {
    ends.postgres = PostgresDatabase::Open(
        {.url = url, .statement_limit = kStatementLimit, .lock_limit = kLockLimit});
    PostgresDatabase& database = *ends.postgres;
    if (!TakeTransferLock(database))
      return Refuse(fmt::format("Another migration is at work on {}.", name));
    bool is_target = ends.to_postgres;
    if (is_target && writes) {
      if (auto made = MigratePostgres(database, name); !made) return made;
    } else if (!HasTables(database)) {
      if (!is_target) return Refuse(fmt::format("{} has no tables of forager's.", name));
      ends.target_is_new = true;
      return {};
    }
    if (auto version = CheckVersion(database, name); !version) return version;
    return CheckNobodyServes(database, name);
  } catch (const DatabaseError& failed) {
    return Fail(ErrorCode::kUnavailable, fmt::format("{} cannot be used: {}", name, failed.what()));
  }
}

// The tables that a new database would have: made, looked at, and undone.
Result<std::vector<TransferTable>> PlanOfNew(PostgresDatabase& database) {
  database.BeginWrite();
  database.Execute("create_schema_table", {});
  for (int version = 1; version <= kSchemaVersion; ++version)
    database.Run(Statement(Dialect::kPostgres, fmt::format("migration_{}", version)));
  auto plan = PlanTransfer(database, nullptr);
  database.Rollback();
  return plan;
}

}  // namespace

std::optional<std::string> SqlitePath(const std::string& url) {
  constexpr std::string_view kScheme = "sqlite:";
  if (!url.starts_with(kScheme) || url.size() == kScheme.size()) return std::nullopt;
  return url.substr(kScheme.size());
}

Result<TransferEnds> OpenTransfer(const TransferOptions& options) {
  TransferEnds ends;
  ends.to_postgres = IsPostgres(options.to);
  const std::string& url = ends.to_postgres ? options.to : options.from;
  auto path = SqlitePath(ends.to_postgres ? options.from : options.to);
  if (!path || !IsPostgres(url))
    return Refuse("One of --from and --to is sqlite:PATH, the other postgres://...");
  ends.from_name = WithoutSecrets(options.from);
  ends.to_name = WithoutSecrets(options.to);
  bool writes = !options.dry_run && !options.verify_only;
  // The source first: while it is in use nothing is made in the target.
  auto sqlite = [&] { return OpenSqlite(ends, *path, writes); };
  auto postgres = [&] { return OpenPostgres(ends, url, writes); };
  if (auto source = ends.to_postgres ? sqlite() : postgres(); !source)
    return std::unexpected(source.error());
  if (auto target = ends.to_postgres ? postgres() : sqlite(); !target)
    return std::unexpected(target.error());
  if (ends.target_is_new && options.verify_only)
    return Refuse(fmt::format("{} has nothing to verify: it has no tables yet.", ends.to_name));
  try {
    auto plan = ends.target_is_new && ends.to_postgres
                    ? PlanOfNew(*ends.postgres)
                    : PlanTransfer(*ends.postgres, ends.sqlite.get());
    if (!plan) return std::unexpected(plan.error());
    ends.plan = std::move(*plan);
  } catch (const DatabaseError& failed) {
    return Fail(ErrorCode::kUnavailable, failed.what());
  }
  return ends;
}

}  // namespace forager::store
