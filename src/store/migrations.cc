#include "store/migrations.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <filesystem>

#include "store/schema_version.h"
#include "store/statements.h"

namespace forager::store {
namespace {

constexpr Millis kCheckLimit{500};  // a large file is not read as a whole at each start

bool IsNetwork(long magic) {
  switch (static_cast<unsigned long>(magic) & 0xffffffffUL) {
    case 0x6969:      // NFS
    case 0x517b:      // SMB
    case 0xff534d42:  // CIFS
    case 0xfe534d42:  // SMB2
    case 0x5346414f:  // AFS
    case 0x73757245:  // Coda
    case 0x00c36400:  // Ceph
    case 0x0bd00bd0:  // Lustre
      return true;
    default:
      return false;
  }
}

std::string ReadOne(SqliteDatabase& database, std::string_view statement) {
  Rows rows = database.Query(statement, {});
  return rows.Next() ? rows.Text(0) : "";
}

std::string QuickCheck(SqliteDatabase& database) {
  database.LimitFrom(kCheckLimit);
  std::string answer = "ok";
  try {
    answer = ReadOne(database, "quick_check");
  } catch (const DatabaseError& error) {
    if (error.fault != Fault::kTimeLimit) throw;
  }
  database.LimitFrom(Millis{0});
  return answer;
}

Result<void> MigrateOrThrow(SqliteDatabase& database, const std::string& path) {
  bool ours = ReadOne(database, "schema_is_ours") == "1";
  if (!ours && ReadOne(database, "count_tables") != "0") {
    return Fail(
        ErrorCode::kInvalid,
        fmt::format("{} is the database of another program: it has tables, but none of forager's.",
                    path));
  }
  if (ours && QuickCheck(database) != "ok") {
    return Fail(
        ErrorCode::kInvalid,
        fmt::format("{} is damaged: restore a backup, or move the file away to begin anew.", path));
  }
  if (ReadOne(database, "use_write_ahead_log") != "wal") {
    return Fail(
        ErrorCode::kInvalid,
        fmt::format("{} cannot be put into WAL mode, which needs shared memory on a local disk.",
                    path));
  }
  database.BeginWrite();
  database.Execute("create_schema_table", {});
  int version = 0;
  {
    Rows rows = database.Query("schema_version", {});
    rows.Next();
    version = static_cast<int>(rows.Int(0));
  }
  if (version > kSchemaVersion) {
    database.Rollback();
    return Fail(
        ErrorCode::kInvalid,
        fmt::format(
            "{} has schema version {}, made by a newer forager; this one knows versions up to {}.",
            path, version, kSchemaVersion));
  }
  for (int next = version + 1; next <= kSchemaVersion; ++next) {
    database.Run(Statement(Dialect::kSqlite, fmt::format("migration_{}", next)));
    database.Execute("record_version", {next});
  }
  database.Execute("probe", {"start"});  // writes even when nothing was migrated
  database.Commit({});
  return {};
}

}  // namespace

Result<void> CheckPlace(const std::string& path) {
  std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (folder.empty()) folder = ".";
  struct statfs info{};
  if (::statfs(folder.c_str(), &info) != 0) {
    return Fail(
        ErrorCode::kInvalid,
        fmt::format("{} cannot hold the database: the folder does not exist or cannot be read.",
                    folder.string()));
  }
  if (IsNetwork(info.f_type)) {
    return Fail(
        ErrorCode::kInvalid,
        fmt::format(
            "{} is on a network file system, where SQLite's locks do not hold: use a local disk.",
            folder.string()));
  }
  struct stat file{};
  if (::stat(path.c_str(), &file) == 0 && !S_ISREG(file.st_mode)) {
    return Fail(ErrorCode::kInvalid, fmt::format("{} is not a file.", path));
  }
  return {};
}

Error OpenError(const DatabaseError& error, const std::string& path) {
  std::string detail;
  switch (error.fault) {
    case Fault::kBusy:
      detail = fmt::format("{} is locked by another program.", path);
      break;
    case Fault::kFull:
      detail = fmt::format("{} cannot be written: the disk is full.", path);
      break;
    case Fault::kReadOnly:
      detail = fmt::format("{} cannot be written: the file or its folder is read-only.", path);
      break;
    case Fault::kCorrupt:
      detail = fmt::format(
          "{} is damaged or not a database: restore a backup, or move the file away to begin anew.",
          path);
      break;
    case Fault::kIo:
      detail =
          fmt::format("{} cannot be opened: is its folder there, and may it be written?", path);
      break;
    default:
      detail = fmt::format("{} cannot be opened: {}.", path, error.what());
  }
  return Error{ErrorCode::kUnavailable, std::move(detail), {}, {}};
}

Result<void> Migrate(SqliteDatabase& database, const std::string& path) {
  try {
    return MigrateOrThrow(database, path);
  } catch (const DatabaseError& error) {
    database.Rollback();
    return std::unexpected(OpenError(error, path));
  }
}

}  // namespace forager::store
