#include "store/database_look.h"

#include <filesystem>

#include "store/migrations.h"
#include "store/postgres_database.h"
#include "store/schema_version.h"
#include "store/sqlite_database.h"

namespace forager::store {
namespace {

constexpr Millis kBusy{2'000};
constexpr int kCacheKib = 16 * 1024;
constexpr int kMaxRunning = 10'000;

void ReadState(Database& database, DatabaseLook& look) {
  look.known_version = kSchemaVersion;
  {
    Rows rows = database.Query("schema_version", {});
    if (rows.Next()) look.schema_version = static_cast<int>(rows.Int(0));
  }
  {
    Rows rows = database.Query("newest_job", {});
    if (rows.Next()) look.newest = rows.MaybeTime(0);
  }
  Rows rows = database.Query("running_processes", {kMaxRunning});
  while (rows.Next()) {
    RunningLook one;
    one.job_id = rows.Text(0);
    one.attempt = static_cast<int>(rows.Int(1));
    one.claimed = !rows.IsNull(2);
    one.started_at = rows.MaybeTime(3);
    if (auto pid = rows.MaybeInt(4)) one.pid = static_cast<int>(*pid);
    look.running.push_back(std::move(one));
  }
}

void CheckWhole(Database& database, bool thorough, Millis limit, DatabaseLook& look) {
  database.LimitFrom(limit);
  try {
    Rows rows = database.Query(thorough ? "integrity_check" : "quick_check", {});
    std::string answer = rows.Next() ? rows.Text(0) : "no answer";
    if (answer != "ok") look.damage = answer;
  } catch (const DatabaseError& error) {
    if (error.fault != Fault::kTimeLimit) throw;
    look.complete = false;
  }
  database.LimitFrom(Millis{0});
}

}  // namespace

Result<DatabaseLook> LookAtSqlite(const std::string& path, bool thorough, Millis limit) {
  if (auto place = CheckPlace(path); !place) return std::unexpected(place.error());
  DatabaseLook look;
  // To SQLite that is a new database, whose log it removes: of this one it may be all that is left.
  std::error_code error;
  if (std::filesystem::file_size(path, error) == 0 && !error) {
    look.damage = "it is empty";
    return look;
  }
  try {
    auto database = SqliteDatabase::Open({path, true, kBusy, kCacheKib});
    try {
      CheckWhole(*database, thorough, limit, look);
      ReadState(*database, look);
    } catch (const DatabaseError& error) {
      if (error.fault != Fault::kCorrupt && error.fault != Fault::kOther) throw;
      if (look.damage.empty()) look.damage = error.what();
    }
  } catch (const DatabaseError& error) {
    return std::unexpected(OpenError(error, path));
  }
  return look;
}

Result<DatabaseLook> LookAtPostgres(const std::string& url) {
  DatabaseLook look;
  try {
    auto database = PostgresDatabase::Open({url});
    ReadState(*database, look);
  } catch (const DatabaseError& error) {
    return Fail(ErrorCode::kUnavailable, error.what());
  }
  return look;
}

}  // namespace forager::store
