#include "store/sqlite_database.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <chrono>
#include <unordered_map>

#include "store/statements.h"

namespace forager::store {
namespace {

constexpr std::size_t kMaxComposed = 256;  // prepared statements kept besides the named ones
constexpr int kLogPagesTooMany = 16'384;   // 64 MiB

Fault FaultOf(int code) {
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Fault::kBusy;
    case SQLITE_FULL:
      return Fault::kFull;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_PROTOCOL:
      return Fault::kIo;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return Fault::kReadOnly;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Fault::kCorrupt;
    case SQLITE_INTERRUPT:
      return Fault::kTimeLimit;
    case SQLITE_CONSTRAINT:
      return Fault::kConstraint;
    default:
      return Fault::kOther;
  }
}

// $1 of the shared text is ?1 here.
std::string InDialect(std::string text) {
  std::ranges::replace(text, '$', '?');
  return text;
}

[[noreturn]] void Throw(sqlite3* handle, FileGuard* guard, std::string_view statement) {
  Fault fault = FaultOf(sqlite3_extended_errcode(handle));
  int cause = fault == Fault::kIo ? sqlite3_system_errno(handle) : 0;
  if (cause == ENOSPC || cause == EDQUOT || cause == EFBIG) fault = Fault::kFull;
  std::string what = fmt::format("{}: {} ({})", statement, sqlite3_errmsg(handle),
                                 sqlite3_extended_errcode(handle));
  if (guard && fault == Fault::kCorrupt) guard->Damaged(what);
  throw DatabaseError(fault, what);
}

class SqliteCursor : public Cursor {
 public:
  SqliteCursor(sqlite3* handle, FileGuard* guard, std::string_view name, const std::string& sql)
      : handle_(handle), guard_(guard), name_(name) {
    std::string text = InDialect(sql);
    if (sqlite3_prepare_v3(handle, text.c_str(), static_cast<int>(text.size()),
                           SQLITE_PREPARE_PERSISTENT, &statement_, nullptr) != SQLITE_OK) {
      Throw(handle, guard, name_);
    }
  }
  SqliteCursor(const SqliteCursor&) = delete;
  SqliteCursor& operator=(const SqliteCursor&) = delete;
  ~SqliteCursor() override { sqlite3_finalize(statement_); }

  // Texts are copied unless they outlive the use of the statement.
  void Bind(std::span<const Param> params, bool borrow) {
    texts_ = borrow ? SQLITE_STATIC : SQLITE_TRANSIENT;
    assert(!in_use_ && "a statement is used inside itself");
    in_use_ = true;
    int index = 0;
    for (const Param& param : params) {
      ++index;
      int code =
          std::visit([&](const auto& value) { return BindOne(index, value); }, param.value());
      if (code != SQLITE_OK) {
        Close();
        Throw(handle_, guard_, name_);
      }
    }
  }

  bool Next() override {
    int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    Throw(handle_, guard_, name_);
  }
  void Close() override {
    sqlite3_reset(statement_);
    in_use_ = false;
  }
  bool IsNull(int column) const override {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
  }
  std::int64_t Int(int column) const override { return sqlite3_column_int64(statement_, column); }
  double Real(int column) const override { return sqlite3_column_double(statement_, column); }
  std::string_view Text(int column) const override {
    auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    if (!text) return {};
    return {text, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
  }

 private:
  int BindOne(int index, std::monostate) { return sqlite3_bind_null(statement_, index); }
  int BindOne(int index, std::int64_t value) {
    return sqlite3_bind_int64(statement_, index, value);
  }
  int BindOne(int index, double value) { return sqlite3_bind_double(statement_, index, value); }
  int BindOne(int index, std::string_view value) {
    return sqlite3_bind_text64(statement_, index, value.data() ? value.data() : "", value.size(),
                               texts_, SQLITE_UTF8);
  }
  int BindOne(int index, const std::string& value) {
    return BindOne(index, std::string_view(value));
  }

  sqlite3* handle_;
  FileGuard* guard_;
  std::string name_;
  sqlite3_stmt* statement_ = nullptr;
  sqlite3_destructor_type texts_ = SQLITE_TRANSIENT;
  bool in_use_ = false;
};

class Connection final : public SqliteDatabase {
 public:
  explicit Connection(const SqliteOptions& options) : guard_(options.guard) {
    if (guard_) guard_->CheckPlace();
    bool create = !options.read_only && !guard_;
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0) |
                SQLITE_OPEN_EXRESCODE;
    if (sqlite3_open_v2(options.path.c_str(), &handle_, flags, nullptr) != SQLITE_OK) {
      DatabaseError error(handle_ ? FaultOf(sqlite3_extended_errcode(handle_)) : Fault::kOther,
                          handle_ ? sqlite3_errmsg(handle_) : "no memory");
      sqlite3_close_v2(handle_);
      throw error;
    }
    try {
      if (guard_) guard_->CheckPlace();
      Configure(options);
    } catch (...) {
      sqlite3_close_v2(handle_);
      throw;
    }
  }
  ~Connection() override {
    composed_.clear();
    named_.clear();
    // What is left of a lost database is for its owner to look at.
    if (guard_ && guard_->lost())
      sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    sqlite3_close_v2(handle_);
  }

  Dialect dialect() const override { return Dialect::kSqlite; }
  Rows Query(std::string_view name, Params params) override {
    SqliteCursor& cursor = Use(name);
    cursor.Bind({params.begin(), params.size()}, false);
    return Rows(cursor);
  }
  std::int64_t Execute(std::string_view name, Params params) override {
    return ExecuteSpan(name, {params.begin(), params.size()});
  }
  void InsertMany(std::string_view name, std::span<const Row> rows) override {
    for (const Row& row : rows) ExecuteSpan(name, row);
  }
  Rows QueryComposed(const std::string& sql, std::span<const Param> params) override {
    auto found = composed_.find(sql);
    if (found == composed_.end()) {
      if (composed_.size() >= kMaxComposed) composed_.clear();
      found = composed_.emplace(sql, std::make_unique<SqliteCursor>(handle_, guard_, "list", sql))
                  .first;
    }
    found->second->Bind(params, false);
    return Rows(*found->second);
  }

  void BeginWrite() override {
    if (guard_) guard_->ThrowIfLost();
    Execute("begin_write", {});
    changes_before_ = unit_changes_before_ = sqlite3_total_changes64(handle_);
  }
  void BeginRead() override { Execute("begin_read", {}); }
  // Behind the commit and before any answer: what went into lost files was never stored.
  void Commit(const CommitMark&) override {
    Execute("commit", {});
    CheckFile();
  }
  bool Committed(const CommitMark&) override { return false; }
  void Rollback() noexcept override {
    if (InTransaction()) sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
  }
  void Savepoint() override { Execute("savepoint", {}); }
  void ReleaseSavepoint() override { Execute("release_savepoint", {}); }
  void RollbackToSavepoint() override { Execute("rollback_savepoint", {}); }
  bool InTransaction() const override { return sqlite3_get_autocommit(handle_) == 0; }
  void BeginUnit(std::optional<std::size_t>) override {
    unit_changes_before_ = sqlite3_total_changes64(handle_);
  }
  // What triggers and cascades changed is counted too.
  bool Wrote() const override { return sqlite3_total_changes64(handle_) != changes_before_; }
  bool UnitWrote() const override {
    return sqlite3_total_changes64(handle_) != unit_changes_before_;
  }

  void Run(const std::string& sql) override {
    if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
      Throw(handle_, guard_, std::string_view(sql).substr(0, 40));
    }
  }
  void LimitFrom(Millis limit) override {
    deadline_ = std::chrono::steady_clock::now() + limit;
    sqlite3_progress_handler(handle_, limit.count() > 0 ? 1'000 : 0,
                             limit.count() > 0 ? &Connection::Late : nullptr, this);
  }
  Checkpoint CheckpointPassive() override {
    Checkpoint result;
    int code = sqlite3_wal_checkpoint_v2(handle_, nullptr, SQLITE_CHECKPOINT_PASSIVE,
                                         &result.log_pages, &result.copied_pages);
    if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY) Throw(handle_, guard_, "checkpoint");
    return result;
  }
  // Under a constant stream of commits the checkpointer never sees the end of the log, so the log
  // never starts again from its beginning. Once it is large, the writer copies the rest between
  // two groups.
  void AfterCommit() override {
    if (log_pages_ >= kLogPagesTooMany) CheckpointPassive();
  }
  void CheckFile() override {
    if (!guard_) return;
    guard_->CheckPlace();
    sqlite3_file* file = nullptr;
    sqlite3_int64 size = 0;
    char head[FileGuard::kHead];
    // By SQLite's own descriptor: closing another of this file would drop its locks.
    bool open =
        sqlite3_file_control(handle_, "main", SQLITE_FCNTL_FILE_POINTER, &file) == SQLITE_OK &&
        file && file->pMethods && file->pMethods->xFileSize(file, &size) == SQLITE_OK;
    if (!open) return;
    int read = file->pMethods->xRead(file, head, sizeof head, 0);
    if (read == SQLITE_OK) guard_->CheckHead({head, sizeof head}, size);
    if (read == SQLITE_IOERR_SHORT_READ) guard_->CheckHead({}, size);
  }
  void OnLogPages(std::function<void(int)> observer) override {
    on_log_pages_ = std::move(observer);
    sqlite3_wal_hook(handle_, &Connection::Committed, this);
  }

 private:
  static int Late(void* self) {
    return std::chrono::steady_clock::now() >= static_cast<Connection*>(self)->deadline_ ? 1 : 0;
  }
  static int Committed(void* self, sqlite3*, const char*, int pages) {
    auto* connection = static_cast<Connection*>(self);
    connection->log_pages_ = pages;
    connection->on_log_pages_(pages);
    return SQLITE_OK;
  }

  void Configure(const SqliteOptions& options) {
    sqlite3_busy_timeout(handle_, static_cast<int>(options.busy_timeout.count()));
    // Before anything else: then the log is used without the memory that connections share.
    if (options.exclusive) Run("PRAGMA locking_mode = EXCLUSIVE;");
    // A journal mode other than WAL is refused by Migrate's check; mmap would turn I/O errors into
    // SIGBUS.
    Run(fmt::format(
        "PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;"
        "PRAGMA secure_delete = OFF; PRAGMA mmap_size = 0; PRAGMA trusted_schema = OFF;"
        "PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 67108864;"
        "PRAGMA cache_size = -{}; PRAGMA recursive_triggers = OFF; {}",
        options.cache_kib, options.read_only ? "PRAGMA query_only = ON;" : ""));
  }

  std::int64_t ExecuteSpan(std::string_view name, std::span<const Param> params) {
    SqliteCursor& cursor = Use(name);
    cursor.Bind(params, true);
    Rows rows(cursor);
    while (rows.Next()) {
    }
    return sqlite3_changes64(handle_);
  }
  SqliteCursor& Use(std::string_view name) {
    auto found = named_.find(name);
    if (found == named_.end()) {
      auto cursor =
          std::make_unique<SqliteCursor>(handle_, guard_, name, Statement(Dialect::kSqlite, name));
      found = named_.emplace(std::string(name), std::move(cursor)).first;
    }
    return *found->second;
  }

  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };

  FileGuard* guard_;
  sqlite3* handle_ = nullptr;
  std::chrono::steady_clock::time_point deadline_;
  std::function<void(int)> on_log_pages_;
  int log_pages_ = 0;
  std::int64_t changes_before_ = 0;       // of the connection, when the transaction began
  std::int64_t unit_changes_before_ = 0;  // and when the unit of work did
  std::unordered_map<std::string, std::unique_ptr<SqliteCursor>, Hash, std::equal_to<>> named_;
  std::unordered_map<std::string, std::unique_ptr<SqliteCursor>> composed_;
};

}  // namespace

std::unique_ptr<SqliteDatabase> SqliteDatabase::Open(const SqliteOptions& options) {
  // Counting every allocation would take a lock for each.
  static const int kNoStatistics = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  static_cast<void>(kNoStatistics);
  return std::make_unique<Connection>(options);
}

}  // namespace forager::store
