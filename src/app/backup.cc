// `forager backup` and `forager restore`.
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/data_dir.h"
#include "os/clock.h"
#include "store/sqlite_backup.h"

namespace forager::app {
namespace {

std::string Megabytes(std::uint64_t bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
}

// The file of the database, or what to do about one that is no file.
Result<std::string> DatabaseFile(const Settings& settings, std::string_view instead) {
  constexpr std::string_view kSqlite = "sqlite:";
  std::string_view given = settings.database;
  if (!given.starts_with(kSqlite)) {
    return Fail(
        ErrorCode::kInvalid,
        fmt::format("the database is PostgreSQL's: use {}, which knows it as a whole", instead));
  }
  given.remove_prefix(kSqlite.size());
  return given.empty() ? settings.data_dir + "/forager.db" : std::string(given);
}

// root restores for the user whose directory it is.
void GiveToOwner(const DataDir& dir, const std::string& database, const std::string& kept_as) {
  struct stat folder{};
  if (geteuid() != 0 || stat(dir.path().c_str(), &folder) != 0) return;
  for (const std::string& path : {database, kept_as, kept_as + "-wal", kept_as + "-shm",
                                  dir.File("server.lock"), dir.File("logs")}) {
    struct stat file{};
    if (lstat(path.c_str(), &file) == 0 && file.st_uid != folder.st_uid &&
        lchown(path.c_str(), folder.st_uid, folder.st_gid) != 0) {
      Complain(path + " could not be given to its owner");
    }
  }
}

}  // namespace

int BackUp(const SettingSources& sources, const std::string& file, bool force) {
  auto settings = LoadSettings(sources);
  if (!settings) return Refuse(settings.error().detail);
  auto database = DatabaseFile(*settings, "pg_dump");
  if (!database) return Complain(database.error().detail);
  umask(0077);  // tokens' hashes and whatever was collected stand in it
  os::Steady began = os::SystemClock().SteadyNow();
  auto facts = store::BackUpSqlite(*database, file, force);
  if (!facts) return Complain(facts.error().detail);
  auto took = std::chrono::duration<double>(os::SystemClock().SteadyNow() - began).count();
  fmt::print("Backed up {} job(s) to {}: {}, schema version {}, checked, in {:.1f} s\n",
             facts->jobs, file, Megabytes(facts->bytes), facts->schema_version, took);
  return 0;
}

int Restore(const SettingSources& sources, const std::string& file) {
  auto settings = LoadSettings(sources);
  if (!settings) return Refuse(settings.error().detail);
  auto database = DatabaseFile(*settings, "pg_restore");
  if (!database) return Complain(database.error().detail);
  auto dir = DataDir::Open(settings->data_dir);
  if (!dir) return Complain(dir.error().detail);
  std::string kept_as =
      fmt::format("{}.before-restore-{:%Y%m%dT%H%M%SZ}", *database,
                  std::chrono::floor<std::chrono::seconds>(os::SystemClock().Now()));
  bool kept = access(database->c_str(), F_OK) == 0;
  auto facts = store::RestoreSqlite(file, *database, kept_as);
  if (!facts) return Complain(facts.error().detail);
  GiveToOwner(*dir, *database, kept_as);
  fmt::print("Restored {} job(s) from {}: {}, schema version {}, checked\n", facts->jobs, file,
             Megabytes(facts->bytes), facts->schema_version);
  if (kept) fmt::print("The database that was there is kept as {}\n", kept_as);
  fmt::print(
      "Tokens are those of the backup; if admin.token is none of them, the next start makes a new "
      "one.\n");
  return 0;
}

}  // namespace forager::app
