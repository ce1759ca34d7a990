#include "store/postgres_database.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <atomic>
#include <cassert>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <unordered_map>

#include "os/log.h"
#include "store/postgres_connection.h"
#include "store/postgres_text.h"
#include "store/statements.h"

namespace forager::store {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr Oid kBool = 16;
constexpr Oid kTimestamp = 1184;
constexpr std::size_t kRowsAtOnce = 1'000;
constexpr Millis kAnswerSlack{2'000};  // beyond the database's own limits
// A transaction that nothing happens in; shorter than the wait for its locks, so that a server that
// was stopped inside one is outlived.
constexpr Millis kIdleInside{3'000};
constexpr Millis kLongest{10 * 60'000};  // of a migration

// A pooler that gives each transaction another session forgets prepared statements: once that was
// seen, none is prepared any more.
std::atomic<bool> g_prepare{true};

struct Texts {
  std::vector<std::string> values;
  std::vector<bool> nulls;
  bool operator==(const Texts&) const = default;
};

// A question asked ahead, and its answer once it came.
struct Expected {
  Texts params;
  PgResult result;
};

class PgCursor : public Cursor {
 public:
  PgCursor(std::string_view name, const std::string& sql)
      : name_(name),
        sql_(sql),
        writes_(!sql.starts_with("SELECT")),
        of_several_(sql.starts_with("WITH")),
        // Behind a pooler, servers of two versions may meet in one session.
        statement_(fmt::format("f_{}_{:x}", name, std::hash<std::string>{}(sql))) {}

  bool Next() override { return ++row_ < PQntuples(result_.get()); }
  void Close() override {
    result_.reset();
    in_use_ = false;
  }
  bool IsNull(int column) const override { return PQgetisnull(result_.get(), row_, column) != 0; }
  std::int64_t Int(int column) const override {
    const char* text = PQgetvalue(result_.get(), row_, column);
    if (PQftype(result_.get(), column) == kBool) return *text == 't' ? 1 : 0;
    return std::strtoll(text, nullptr, 10);
  }
  double Real(int column) const override {
    return std::strtod(PQgetvalue(result_.get(), row_, column), nullptr);
  }
  std::string_view Text(int column) const override {
    std::string_view text{PQgetvalue(result_.get(), row_, column),
                          static_cast<std::size_t>(PQgetlength(result_.get(), row_, column))};
    if (PQftype(result_.get(), column) != kTimestamp || text.empty()) return text;
    return times_[column] = StoredTime(text);
  }

  void Use() {
    assert(!in_use_ && "a statement is used inside itself");
    in_use_ = true;
    row_ = -1;
    result_.reset();
  }
  void Take(PgResult result) { result_ = std::move(result); }
  std::int64_t Changed() const { return RowsOf(result_.get()); }
  // Of a statement of several parts the answer counts the rows of the last one only.
  bool ChangedRows(pg_result* result) const {
    return writes_ && (of_several_ || RowsOf(result) > 0);
  }

  Expected& Expect(Texts params) {
    expected_.push_back(std::make_unique<Expected>(std::move(params)));
    return *expected_.back();
  }
  Expected* FindExpected(const Texts& params) {
    auto found = std::ranges::find(expected_, params, &Expected::params);
    return found == expected_.end() ? nullptr : found->get();
  }
  void TakeExpected(Expected& expected) {
    Take(std::move(expected.result));
    std::erase_if(expected_, [&](const auto& one) { return one.get() == &expected; });
  }
  void ForgetExpected() { expected_.clear(); }

  bool writes() const { return writes_; }
  const std::string& name() const { return name_; }
  const std::string& sql() const { return sql_; }
  const std::string& statement() const { return statement_; }
  const pg_result* result() const { return result_.get(); }
  bool prepared = false;

 private:
  static std::int64_t RowsOf(pg_result* result) {
    return std::strtoll(PQcmdTuples(result), nullptr, 10);
  }

  std::string name_, sql_;
  bool writes_;
  bool of_several_;
  std::string statement_;
  PgResult result_;
  std::vector<std::unique_ptr<Expected>> expected_;
  int row_ = -1;
  bool in_use_ = false;
  mutable std::unordered_map<int, std::string> times_;
};

class Connection final : public PostgresDatabase {
 public:
  explicit Connection(const PostgresOptions& options)
      : options_(options), connection_(options.url) {
    PQsetNoticeProcessor(
        connection_.get(), [](void*, const char*) {}, nullptr);
    EnterPipeline();
  }

  Dialect dialect() const override { return Dialect::kPostgres; }

  Rows Query(std::string_view name, Params params) override {
    PgCursor& cursor = Named(name);
    Texts texts = Write({params.begin(), params.size()});
    if (Expected* expected = cursor.FindExpected(texts)) {
      if (!expected->result) Flush();
      cursor.Use();
      cursor.TakeExpected(*expected);
      return Rows(cursor);
    }
    Enqueue(cursor, texts);
    Flush();
    return Rows(cursor);
  }
  std::int64_t Execute(std::string_view name, Params params) override {
    Rows rows = Query(name, params);
    return Named(name).Changed();
  }
  void Send(std::string_view name, Params params) override {
    EnqueueTexts(Named(name), Write({params.begin(), params.size()}));
  }
  void Expect(std::string_view name, Params params) override {
    PgCursor& cursor = Named(name);
    Texts texts = Write({params.begin(), params.size()});
    if (cursor.FindExpected(texts)) return;
    EnqueueTexts(cursor, texts);
    sent_.back().expected = &cursor.Expect(std::move(texts));
    expecting_.push_back(&cursor);
  }
  void InsertMany(std::string_view name, std::span<const Row> rows) override {
    PgCursor& cursor = Named(name);
    for (std::size_t begin = 0; begin < rows.size(); begin += kRowsAtOnce) {
      auto part = rows.subspan(begin, std::min(kRowsAtOnce, rows.size() - begin));
      EnqueueTexts(cursor, {ArraysOf(part), {}});
    }
  }
  Rows QueryComposed(const std::string& sql, std::span<const Param> params) override {
    composed_ = std::make_unique<PgCursor>("list", sql);
    Enqueue(*composed_, Write(params));
    Flush();
    return Rows(*composed_);
  }

  // The first one tells whether the connection is good and what a pooler does; later ones go
  // along with the first statement.
  void BeginWrite() override {
    Begin("begin_write", options_.statement_limit);
    if (!std::exchange(begun_, true)) Flush();
  }
  void BeginRead() override { Begin("begin_read", limit_.count() > 0 ? limit_ : kLongest); }
  void Commit(const CommitMark& mark) override {
    if (!mark.writer.empty()) Send("mark_commit", {mark.writer, mark.number});
    PgCursor& commit = Named("commit");
    Enqueue(commit, {});
    Flush();
    bool done = commit.result() &&
                std::string_view(PQcmdStatus(const_cast<pg_result*>(commit.result()))) == "COMMIT";
    commit.Close();
    if (!done) throw DatabaseError(Fault::kOther, "the transaction had failed before its commit");
  }
  bool Committed(const CommitMark& mark) override {
    Rows rows = Query("last_mark", {mark.writer});
    return rows.Next() && rows.Int(0) >= mark.number;
  }
  void Rollback() noexcept override {
    ForgetExpected();
    try {
      if (!connection_.good() || !InTransaction()) return;
      Simple("rollback");
      Flush();
    } catch (const DatabaseError&) {
      // The connection is lost, and the transaction with it.
    }
  }
  void Savepoint() override { Simple("savepoint"); }
  void ReleaseSavepoint() override { Simple("release_savepoint"); }
  void RollbackToSavepoint() override { Simple("rollback_savepoint"); }
  bool InTransaction() const override {
    if (!connection_.good()) return false;
    return !sent_.empty() || PQtransactionStatus(connection_.get()) != PQTRANS_IDLE;
  }
  void BeginUnit(std::optional<std::size_t> unit) override {
    unit_ = unit;
    unit_wrote_ = false;
  }
  bool Wrote() const override {
    return wrote_ || std::ranges::any_of(sent_, [](const Sent& sent) { return sent.MayWrite(); });
  }
  bool UnitWrote() const override {
    return unit_wrote_ || std::ranges::any_of(sent_, [this](const Sent& sent) {
             return sent.unit == unit_ && sent.MayWrite();
           });
  }

  void LimitFrom(Millis limit) override {
    limit_ = limit;
    limit_end_ = SteadyClock::now() + limit;
  }
  void BeginClaims() override {
    Send("lock_claims", {});
    Send("fold_lanes", {});
    Send("fold_totals", {});
    Expect("database_clock", {});
  }
  void TakeTurns(const std::string& key) override { Send("take_turns", {key}); }
  bool LanesAreHints() const override { return true; }
  WallTime LeaseClock(WallTime) override {
    Rows rows = Query("database_clock", {});
    rows.Next();
    auto time = rows.MaybeTime(0);
    if (!time) throw DatabaseError(Fault::kOther, "the database's clock cannot be read");
    return *time;
  }
  void Run(const std::string& sql) override {
    Flush();
    PQexitPipelineMode(connection_.get());
    auto deadline = SteadyClock::now() + kLongest;
    std::optional<DatabaseError> failed;
    if (PQsendQuery(connection_.get(), sql.c_str()) == 0) connection_.Lose("a script was not sent");
    while (PgResult result = connection_.Next(deadline)) {
      auto status = PQresultStatus(result.get());
      if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) continue;
      if (!failed) failed.emplace(ToDatabaseError(result.get(), "script"));
    }
    EnterPipeline();
    if (failed) throw *failed;
  }

 private:
  struct Sent {
    PgCursor* cursor;
    bool preparation;
    std::optional<std::size_t> unit;
    bool keep = false;             // somebody reads the result now
    Expected* expected = nullptr;  // or later
    bool MayWrite() const { return !preparation && cursor->writes(); }
  };

  void EnterPipeline() {
    if (PQenterPipelineMode(connection_.get()) == 0) connection_.Lose("no pipeline mode");
  }

  PgCursor& Named(std::string_view name) {
    auto found = named_.find(name);
    if (found == named_.end()) {
      auto cursor = std::make_unique<PgCursor>(name, Statement(Dialect::kPostgres, name));
      found = named_.emplace(std::string(name), std::move(cursor)).first;
    }
    return *found->second;
  }

  void Begin(std::string_view name, Millis statement_limit) {
    ForgetExpected();
    unit_.reset();
    wrote_ = unit_wrote_ = false;
    Simple(name);
    Send("transaction_settings",
         {std::to_string(statement_limit.count()), std::to_string(options_.lock_limit.count()),
          std::to_string(kIdleInside.count())});
  }
  // A command without parameters and without an answer of interest.
  void Simple(std::string_view name) { EnqueueTexts(Named(name), {}); }

  static Texts Write(std::span<const Param> params) {
    Texts texts{std::vector<std::string>(params.size()), std::vector<bool>(params.size())};
    for (std::size_t i = 0; i < params.size(); ++i)
      texts.nulls[i] = !WriteParam(params[i], texts.values[i]);
    return texts;
  }

  void ForgetExpected() {
    for (Sent& command : sent_) command.expected = nullptr;
    for (PgCursor* cursor : expecting_) cursor->ForgetExpected();
    expecting_.clear();
  }

  void Enqueue(PgCursor& cursor, const Texts& texts) {
    cursor.Use();
    EnqueueTexts(cursor, texts);
    sent_.back().keep = true;
  }

  void EnqueueTexts(PgCursor& cursor, const Texts& texts) {
    if (!connection_.good()) connection_.Lose("the connection is lost");
    if (limit_.count() > 0 && SteadyClock::now() >= limit_end_)
      throw DatabaseError(Fault::kTimeLimit, cursor.name());
    std::vector<const char*> values(texts.values.size());
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = i < texts.nulls.size() && texts.nulls[i] ? nullptr : texts.values[i].c_str();
    bool prepare = g_prepare.load(std::memory_order_relaxed) && &cursor != composed_.get();
    if (prepare && !cursor.prepared) {
      cursor.prepared = true;
      Check(PQsendPrepare(connection_.get(), cursor.statement().c_str(), cursor.sql().c_str(), 0,
                          nullptr));
      sent_.push_back({&cursor, true, unit_});
    }
    int count = static_cast<int>(values.size());
    Check(prepare ? PQsendQueryPrepared(connection_.get(), cursor.statement().c_str(), count,
                                        values.data(), nullptr, nullptr, 0)
                  : PQsendQueryParams(connection_.get(), cursor.sql().c_str(), count, nullptr,
                                      values.data(), nullptr, nullptr, 0));
    sent_.push_back({&cursor, false, unit_});
  }
  void Check(int sent) {
    if (sent == 0) connection_.Lose(PQerrorMessage(connection_.get()));
  }

  // Everything queued is answered; the first failure is thrown, what followed it was not done.
  void Flush() {
    if (sent_.empty()) return;
    std::vector<Sent> commands = std::exchange(sent_, {});
    if (PQpipelineSync(connection_.get()) == 0) connection_.Lose("nothing can be sent");
    auto deadline = SteadyClock::now() + options_.statement_limit + options_.lock_limit +
                    kAnswerSlack + (limit_.count() > 0 ? limit_ : Millis{0});
    std::optional<DatabaseError> failed;
    std::size_t at = 0;
    bool answered = false;
    for (;;) {
      PgResult result = connection_.Next(deadline);
      if (!result) {
        if (!connection_.good()) connection_.Lose("the connection is lost");
        at += std::exchange(answered, false) ? 1 : 0;
        continue;
      }
      auto status = PQresultStatus(result.get());
      if (status == PGRES_PIPELINE_SYNC) break;
      answered = true;
      if (at >= commands.size()) continue;
      const Sent& command = commands[at];
      if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
        Note(command, result.get());
        if (command.keep) command.cursor->Take(std::move(result));
        if (command.expected) command.expected->result = std::move(result);
        continue;
      }
      if (command.preparation) command.cursor->prepared = false;
      if (command.keep) command.cursor->Close();
      if (!failed && status != PGRES_PIPELINE_ABORTED) {
        failed.emplace(ToDatabaseError(result.get(), command.cursor->name()));
        failed->unit = command.unit;
      }
    }
    if (!failed) return;
    ForgetExpected();
    for (const Sent& command : commands) {
      if (command.keep) command.cursor->Close();
    }
    if (ForgotPrepared(*failed)) failed->fault = Fault::kRace;  // the next run prepares nothing
    if (failed->fault == Fault::kLost) connection_.Lose(failed->what());
    throw *failed;
  }

  void Note(const Sent& command, pg_result* result) {
    if (command.preparation || !command.cursor->ChangedRows(result)) return;
    wrote_ = true;
    unit_wrote_ |= command.unit == unit_;
  }

  static bool ForgotPrepared(const DatabaseError& error) {
    std::string_view words = error.what();
    if (!words.ends_with("(26000)") && !words.ends_with("(42P05)")) return false;
    if (g_prepare.exchange(false))
      os::LogWarning("Store: a pooler forgets prepared statements; none is used from now on");
    return true;
  }

  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };

  const PostgresOptions options_;
  PostgresConnection connection_;
  std::vector<Sent> sent_;
  bool begun_ = false;
  std::optional<std::size_t> unit_;
  bool wrote_ = false;       // a row was changed in this transaction
  bool unit_wrote_ = false;  // and in this unit of work
  std::vector<PgCursor*> expecting_;
  Millis limit_{0};
  SteadyClock::time_point limit_end_{};
  std::unordered_map<std::string, std::unique_ptr<PgCursor>, Hash, std::equal_to<>> named_;
  std::unique_ptr<PgCursor> composed_;
};

}  // namespace

std::unique_ptr<PostgresDatabase> PostgresDatabase::Open(const PostgresOptions& options) {
  return std::make_unique<Connection>(options);
}

}  // namespace forager::store
