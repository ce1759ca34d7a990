#include "store/sqlite_backup.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "os/descriptor.h"
#include "store/migrations.h"
#include "store/schema_version.h"
#include "store/sqlite_database.h"

namespace forager::store {
namespace {

constexpr int kBusyMillis = 10'000;
constexpr int kCheckCacheKib = 64 * 1024;

using Handle = std::unique_ptr<sqlite3, decltype(&sqlite3_close_v2)>;

std::unexpected<Error> Cannot(const std::string& what, const std::string& path, int error) {
  return Fail(ErrorCode::kUnavailable, fmt::format("{} {}: {}", path, what, std::strerror(error)));
}

Result<Handle> Open(const std::string& path, int flags) {
  sqlite3* raw = nullptr;
  int code = sqlite3_open_v2(path.c_str(), &raw, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  Handle handle(raw, &sqlite3_close_v2);
  if (code != SQLITE_OK) {
    return Fail(ErrorCode::kUnavailable,
                fmt::format("{} cannot be opened: {}", path, sqlite3_errstr(code)));
  }
  sqlite3_busy_timeout(raw, kBusyMillis);
  return handle;
}

// One step for all pages: the reading transaction lasts as long as the copying, so that no write
// makes it begin again.
Result<void> CopyPages(const std::string& from, const std::string& to) {
  auto source = Open(from, SQLITE_OPEN_READWRITE);
  if (!source) return std::unexpected(source.error());
  auto target = Open(to, SQLITE_OPEN_READWRITE);
  if (!target) return std::unexpected(target.error());
  sqlite3_exec(target->get(), "PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF", nullptr,
               nullptr, nullptr);
  sqlite3_backup* copying = sqlite3_backup_init(target->get(), "main", source->get(), "main");
  if (copying) sqlite3_backup_step(copying, -1);
  int code = copying ? sqlite3_backup_finish(copying) : sqlite3_errcode(target->get());
  if (code == SQLITE_OK) return {};
  return Fail(ErrorCode::kUnavailable,
              fmt::format("{} cannot be copied to {}: {}", from, to, sqlite3_errstr(code)));
}

std::string ReadOne(SqliteDatabase& database, std::string_view statement) {
  Rows rows = database.Query(statement, {});
  return rows.Next() ? rows.Text(0) : "";
}

// Also makes the copy one file: a log beside it would have to be carried along.
Result<CopyFacts> Prove(const std::string& copy, const std::string& name) {
  try {
    auto database = SqliteDatabase::Open({copy, false, Millis{kBusyMillis}, kCheckCacheKib});
    if (ReadOne(*database, "schema_is_ours") != "1")
      return Fail(ErrorCode::kInvalid, fmt::format("{} is no database of forager's", name));
    if (std::string found = ReadOne(*database, "integrity_check"); found != "ok") {
      std::ranges::replace(found, '\n', ' ');
      return Fail(ErrorCode::kInvalid, fmt::format("{} is damaged: {}", name, found));
    }
    CopyFacts facts;
    facts.schema_version = std::stoi(ReadOne(*database, "schema_version"));
    if (facts.schema_version > kSchemaVersion) {
      return Fail(ErrorCode::kInvalid,
                  fmt::format("{} has schema version {}, made by a newer forager; this one knows "
                              "versions up to {}",
                              name, facts.schema_version, kSchemaVersion));
    }
    facts.jobs = std::stoll(ReadOne(*database, "count_all_jobs"));
    if (ReadOne(*database, "leave_write_ahead_log") != "delete")
      return Fail(ErrorCode::kInternal, fmt::format("{} is used by somebody", copy));
    return facts;
  } catch (const DatabaseError& error) {
    return std::unexpected(OpenError(error, name));
  }
}

Result<void> Sync(const std::string& path, int flags) {
  os::Descriptor opened(open(path.c_str(), flags | O_CLOEXEC));
  if (!opened || fsync(opened.get()) != 0) return Cannot("cannot be written", path, errno);
  return {};
}

std::string FolderOf(const std::string& path) {
  std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

// A proven copy under a name of its own, gone unless it is kept.
class Draft {
 public:
  explicit Draft(const std::string& target) : path_(fmt::format("{}.part-{}", target, getpid())) {}
  ~Draft() {
    for (const char* tail : {"", "-wal", "-shm", "-journal"}) unlink((path_ + tail).c_str());
  }
  Draft(const Draft&) = delete;

  Result<CopyFacts> Make(const std::string& from) {
    {
      os::Descriptor made(open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
      if (!made) return Cannot("cannot be written", path_, errno);
    }
    if (auto copied = CopyPages(from, path_); !copied) return std::unexpected(copied.error());
    auto facts = Prove(path_, from);
    if (!facts) return facts;
    if (auto synced = Sync(path_, O_RDWR); !synced) return std::unexpected(synced.error());
    std::error_code ignored;
    facts->bytes = std::filesystem::file_size(path_, ignored);
    return facts;
  }
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

Result<void> CheckSource(const std::string& path) {
  struct stat file{};
  if (stat(path.c_str(), &file) != 0) return Cannot("cannot be read", path, errno);
  if (!S_ISREG(file.st_mode)) return Fail(ErrorCode::kInvalid, path + " is not a file");
  return {};
}

// What stands in the old log goes into the old file, or, if that is damaged, aside with it.
Result<void> PutAside(const std::string& database, const std::string& kept_as) {
  if (access(database.c_str(), F_OK) != 0) return {};
  if (auto old = Open(database, SQLITE_OPEN_READWRITE)) {
    sqlite3_wal_checkpoint_v2(old->get(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  }
  for (const char* tail : {"-wal", "-shm"}) {
    if (rename((database + tail).c_str(), (kept_as + tail).c_str()) != 0 && errno != ENOENT)
      return Cannot("cannot be put aside", database + tail, errno);
  }
  if (link(database.c_str(), kept_as.c_str()) != 0)
    return Cannot("cannot be put aside", database, errno);
  return {};
}

}  // namespace

Result<CopyFacts> BackUpSqlite(const std::string& database, const std::string& file, bool replace) {
  if (auto good = CheckSource(database); !good) return std::unexpected(good.error());
  std::error_code error;
  if (std::filesystem::equivalent(database, file, error))
    return Fail(ErrorCode::kInvalid, file + " is the database itself");
  if (!replace && access(file.c_str(), F_OK) == 0)
    return Fail(ErrorCode::kConflict, file + " is there already; --force replaces it");
  Draft draft(file);
  auto facts = draft.Make(database);
  if (!facts) return facts;
  // Without `replace` a file that came meanwhile is not replaced either.
  int moved = replace ? rename(draft.path().c_str(), file.c_str())
                      : link(draft.path().c_str(), file.c_str());
  if (moved != 0 && errno == EPERM)  // a file system without links, such as a stick's
    moved = rename(draft.path().c_str(), file.c_str());
  if (moved != 0) return Cannot("cannot be written", file, errno);
  if (auto synced = Sync(FolderOf(file), O_RDONLY | O_DIRECTORY); !synced)
    return std::unexpected(synced.error());
  return facts;
}

Result<CopyFacts> RestoreSqlite(const std::string& file, const std::string& database,
                                const std::string& kept_as) {
  if (auto good = CheckSource(file); !good) return std::unexpected(good.error());
  if (auto place = CheckPlace(database); !place) return std::unexpected(place.error());
  Draft draft(database);
  auto facts = draft.Make(file);
  if (!facts) return facts;
  if (auto aside = PutAside(database, kept_as); !aside) return std::unexpected(aside.error());
  // At no moment is there no database: a server that started then would begin an empty one.
  if (rename(draft.path().c_str(), database.c_str()) != 0)
    return Cannot("cannot be written", database, errno);
  if (auto synced = Sync(FolderOf(database), O_RDONLY | O_DIRECTORY); !synced)
    return std::unexpected(synced.error());
  return facts;
}

}  // namespace forager::store
