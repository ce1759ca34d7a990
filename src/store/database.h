// The seam under SqlStore: a connection that runs named statements. Failures are thrown as
// DatabaseError and become a Result at the edge (SqlStore's methods, the service). One connection
// belongs to one thread.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "job/error.h"
#include "job/time.h"

namespace forager::store {

enum class Fault {
  kBusy,  // another program holds the write lock
  kFull,  // no space left
  kIo,    // the disk reports an error: open the connection anew
  kReadOnly,
  kCorrupt,     // damaged, or not a database: open the connection anew
  kGone,        // the files that were opened are lost: nothing helps but a restart
  kTimeLimit,   // the read limit was reached
  kConstraint,  // the schema refuses the row
  kLost,        // the connection is gone: open it anew
  kRace,        // another server was quicker, or both waited for each other: run the unit again
  kOther,
};

enum class Dialect { kSqlite, kPostgres };

class DatabaseError : public std::runtime_error {
 public:
  DatabaseError(Fault fault, const std::string& what) : std::runtime_error(what), fault(fault) {}
  Fault fault;
  std::optional<std::size_t> unit{};  // whose statement it was, see Database::BeginUnit
};

// Whether the connection is of no use after this fault.
bool NeedsReopen(Fault fault);

// One sentence for whoever asked; the details of `error` belong into the log.
Error ToError(const DatabaseError& error);

// A value to bind: null, integer, real or text. Text is borrowed, except that of a time.
class Param {
 public:
  Param(std::nullopt_t) {}
  Param(int value) : value_(static_cast<std::int64_t>(value)) {}
  Param(bool value) : value_(static_cast<std::int64_t>(value)) {}
  Param(std::int64_t value) : value_(value) {}
  Param(double value) : value_(value) {}
  Param(const char* value) : value_(std::string_view(value)) {}
  Param(std::string_view value) : value_(value) {}
  Param(const std::string& value) : value_(std::string_view(value)) {}
  Param(WallTime value) : value_(FormatSqlTime(value)) {}
  template <typename T>
  Param(const std::optional<T>& value) {
    if (value) *this = Param(*value);
  }

  using Value = std::variant<std::monostate, std::int64_t, double, std::string_view, std::string>;
  const Value& value() const { return value_; }

 private:
  Value value_;
};

// A prepared statement in use.
class Cursor {
 public:
  virtual ~Cursor() = default;
  virtual bool Next() = 0;
  virtual void Close() = 0;  // may be used again
  virtual bool IsNull(int column) const = 0;
  virtual std::int64_t Int(int column) const = 0;
  virtual double Real(int column) const = 0;
  virtual std::string_view Text(int column) const = 0;  // until the next Next
};

// A writer and the number of its commit.
struct CommitMark {
  std::string writer;
  std::int64_t number = 0;
};

// The rows of one query; gives the statement back when it goes.
class Rows {
 public:
  explicit Rows(Cursor& cursor) : cursor_(&cursor) {}
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;
  ~Rows() { cursor_->Close(); }

  bool Next() { return cursor_->Next(); }
  bool IsNull(int column) const { return cursor_->IsNull(column); }
  std::int64_t Int(int column) const { return cursor_->Int(column); }
  double Real(int column) const { return cursor_->Real(column); }
  std::string Text(int column) const { return std::string(cursor_->Text(column)); }
  std::string_view View(int column) const { return cursor_->Text(column); }

  std::optional<std::int64_t> MaybeInt(int column) const;
  std::optional<double> MaybeReal(int column) const;
  std::optional<std::string> MaybeText(int column) const;
  std::optional<WallTime> MaybeTime(int column) const;  // none also when unreadable

 private:
  Cursor* cursor_;
};

class Database {
 public:
  using Params = std::initializer_list<Param>;
  using Row = std::vector<Param>;

  virtual ~Database() = default;
  virtual Dialect dialect() const = 0;
  // A named statement of src/store/sql.
  virtual Rows Query(std::string_view name, Params params) = 0;
  // Returns how many rows it changed itself (triggers not counted).
  virtual std::int64_t Execute(std::string_view name, Params params) = 0;
  // Execute whose count nobody needs; a failure may show at any later statement of the transaction.
  virtual void Send(std::string_view name, Params params) { Execute(name, params); }
  // A later Query of that name with these parameters will be asked: where an answer takes a round
  // trip, one brings those of all that are expected. Nothing they read may be written in between.
  // Said twice before the Query, it counts once.
  virtual void Expect(std::string_view, Params) {}
  // One insert for each row, in their order.
  virtual void InsertMany(std::string_view name, std::span<const Row> rows) = 0;
  // A statement composed of named pieces.
  virtual Rows QueryComposed(const std::string& sql, std::span<const Param> params) = 0;

  virtual void BeginWrite() = 0;
  virtual void BeginRead() = 0;
  // `mark` names this commit; see Committed.
  virtual void Commit(const CommitMark& mark) = 0;
  virtual void Rollback() noexcept = 0;
  virtual void Savepoint() = 0;
  virtual void ReleaseSavepoint() = 0;
  virtual void RollbackToSavepoint() = 0;
  // False after a failure that undid the whole transaction.
  virtual bool InTransaction() const = 0;
  // Statements from now on are of that unit of work; none: of nobody's.
  virtual void BeginUnit(std::optional<std::size_t>) {}
  // Whether a row was changed since the transaction, or the unit of work, began. What a statement
  // that was sent has done and is not known yet counts as a change.
  virtual bool Wrote() const = 0;
  virtual bool UnitWrote() const = 0;

  // Every statement started from now on fails with kTimeLimit once `limit` is over; 0: no limit.
  virtual void LimitFrom(Millis limit) = 0;
  // After a commit whose answer was lost: did it happen? Asked on a new connection.
  virtual bool Committed(const CommitMark& mark) = 0;
  // Claims of several servers take turns: from here to the end of the transaction.
  virtual void BeginClaims() {}
  // The same for whatever `key` names.
  virtual void TakeTurns(const std::string&) {}
  // Heads of lanes may lie before their first job, and lanes may be empty: the claim mends them.
  virtual bool LanesAreHints() const { return false; }
  // The clock that leases are kept by; `now` where there is one server only.
  virtual WallTime LeaseClock(WallTime now) { return now; }
  // What the driver wants done between two transactions of the writer.
  virtual void AfterCommit() {}
};

}  // namespace forager::store
