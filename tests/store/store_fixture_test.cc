#include "tests/store/store_fixture.h"

#include <libpq-fe.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

namespace forager::store {

Shell::Shell(const StoreOptions& options) {
  if (options.shared()) {
    connection_ = PQconnectdb(options.postgres.c_str());
    EXPECT_EQ(PQstatus(connection_), CONNECTION_OK) << PQerrorMessage(connection_);
    PQsetNoticeProcessor(connection_, [](void*, const char*) {}, nullptr);
  } else {
    EXPECT_EQ(sqlite3_open(options.path.c_str(), &handle_), SQLITE_OK);
    sqlite3_busy_timeout(handle_, 5'000);
  }
}

Shell::Shell(const std::string& path) : Shell(StoreOptions{.path = path}) {}

Shell::~Shell() {
  sqlite3_close(handle_);
  PQfinish(connection_);
}

std::string Shell::Try(const std::string& sql) {
  if (connection_) {
    PGresult* result = PQexec(connection_, sql.c_str());
    std::string text = PQresultErrorMessage(result);
    PQclear(result);
    return text;
  }
  char* message = nullptr;
  sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, &message);
  std::string text = message ? message : "";
  sqlite3_free(message);
  return text;
}

void Shell::Run(const std::string& sql) { EXPECT_EQ(Try(sql), "") << sql; }

std::string Shell::Ask(const std::string& sql) {
  std::string answer;
  if (connection_) {
    PGresult* result = PQexec(connection_, sql.c_str());
    EXPECT_STREQ(PQresultErrorMessage(result), "") << sql;
    if (PQntuples(result) > 0)
      answer = PQgetisnull(result, 0, 0) != 0 ? "NULL" : PQgetvalue(result, 0, 0);
    PQclear(result);
    return answer;
  }
  sqlite3_stmt* statement = nullptr;
  EXPECT_EQ(sqlite3_prepare_v2(handle_, sql.c_str(), -1, &statement, nullptr), SQLITE_OK)
      << sqlite3_errmsg(handle_) << "\n"
      << sql;
  if (statement && sqlite3_step(statement) == SQLITE_ROW) {
    auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
    answer = text ? text : "NULL";
  }
  sqlite3_finalize(statement);
  return answer;
}

namespace {

// The server that CTest started for all tests, else one of this program's own.
class PostgresServer {
 public:
  PostgresServer() {
    if (const char* given = ::getenv("FORAGER_TEST_POSTGRES")) {
      folder_ = given;
      return;
    }
    std::string pattern = (std::filesystem::temp_directory_path() / "store_test_pg_XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    own_ = true;
    EXPECT_EQ(::system((std::string(FORAGER_SOURCE_DIR "/tests/support/postgres start ") + folder_).c_str()), 0);
  }
  ~PostgresServer() {
    if (!own_) return;
    EXPECT_EQ(::system((std::string(FORAGER_SOURCE_DIR "/tests/support/postgres stop ") + folder_).c_str()), 0);
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  std::string Url(const std::string& options) const {
    return "postgres:///postgres?host=" + folder_ + "&user=forager" + options;
  }

 private:
  std::string folder_;
  bool own_ = false;
};

}  // namespace

std::string MakePostgresSchema() {
  static const PostgresServer server;
  static int made = 0;
  std::string name = "t_" + std::to_string(::getpid()) + "_" + std::to_string(++made);
  Shell shell(StoreOptions{.postgres = server.Url("")});
  shell.Run("DROP SCHEMA IF EXISTS " + name + " CASCADE");
  shell.Run("CREATE SCHEMA " + name);
  return server.Url("&options=-csearch_path%3D" + name);
}

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "store_test_XXXXXX").string();
  path_ = ::mkdtemp(pattern.data());
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void StoreTest::SetUp() {
  options_.path = path_;
  if (!OnSqlite()) options_.postgres = MakePostgresSchema();
  OpenStore();
}

std::string StoreTest::Ago(const std::string& how_long) const {
  return OnSqlite() ? "datetime('now','-" + how_long + "')" : "NOW() - INTERVAL '" + how_long + "'";
}

std::string StoreTest::Now() const { return OnSqlite() ? "datetime('now')" : "NOW()"; }

void StoreTest::TearDown() {
  if (service_) ExpectExact();
}

void StoreTest::OpenStore() {
  service_.reset();
  options_.path = path_;
  auto opened = StoreService::Open(options_);
  ASSERT_TRUE(opened) << opened.error().detail;
  service_ = std::move(*opened);
}

NewJob StoreTest::AJob(const std::string& entity_type, const std::string& url) {
  NewJob job;
  job.entity_type = entity_type;
  job.job_type = "discovery";
  if (!url.empty()) job.target_url = url;
  return job;
}

std::string StoreTest::Submitted(const NewJob& job) {
  auto made = Do([&](Store& store) { return store.Submit(job, 5, 1'000'000, now_); });
  EXPECT_TRUE(made) << made.error().detail;
  return made ? made->job_id : "";
}

AttemptRef StoreTest::Running(const NewJob& job) {
  ClaimRequest request;
  request.job_id = Submitted(job);
  request.limits.total = 1'000;
  ClaimResult claimed = Claim(request);
  EXPECT_EQ(claimed.jobs.size(), 1u);
  return claimed.jobs.empty() ? AttemptRef{}
                              : AttemptRef{claimed.jobs[0].job_id, claimed.jobs[0].attempt};
}

std::string StoreTest::In(State state) {
  if (state == State::kPending) return Submitted();
  AttemptRef ref = Running();
  if (state == State::kCompleted) {
    EXPECT_TRUE(Complete(ref));
  }
  if (state == State::kFailed) {
    EXPECT_TRUE(Fail(ref));
  }
  if (state == State::kCancelled) {
    EXPECT_TRUE(*Do([&](Store& store) { return store.Cancel(Final(ref, "cancelled"), now_); }));
  }
  return ref.job_id;
}

Job StoreTest::Look(const std::string& job_id) {
  Job job;
  auto done = service_->ReadAndWait([&](Store& store) -> Result<void> {
    auto found = store.Find(job_id);
    if (!found) return std::unexpected(found.error());
    job = *found;
    return {};
  });
  EXPECT_TRUE(done) << done.error().detail;
  return job;
}

ClaimResult StoreTest::Claim(ClaimRequest request) {
  if (request.node.empty()) request.node = "node-1";
  auto result = Do([&](Store& store) { return store.Claim(request, now_); });
  EXPECT_TRUE(result) << result.error().detail;
  return result.value_or(ClaimResult{});
}

AttemptFinal StoreTest::Final(const AttemptRef& ref, const std::string& outcome, bool released) {
  AttemptFinal final;
  final.news.ref = ref;
  final.outcome = outcome;
  final.released = released;
  if (outcome != "completed" && outcome != "cancelled") {
    final.error_class = outcome;
    final.error_message = "because";
  }
  return final;
}

bool StoreTest::Complete(const AttemptRef& ref) {
  return *Do([&](Store& store) { return store.Complete(Final(ref), now_); });
}

bool StoreTest::Fail(const AttemptRef& ref) {
  return *Do([&](Store& store) { return store.Fail(Final(ref, "permanent"), now_); });
}

bool StoreTest::Retry(const AttemptRef& ref, Millis delay, bool counts_crash) {
  return *Do([&](Store& store) {
    return store.Retry(Final(ref, "transient"), now_ + delay, true, counts_crash, now_);
  });
}

Stats StoreTest::Figures() {
  Stats stats;
  EXPECT_TRUE(service_->ReadAndWait([&](Store& store) -> Result<void> {
    stats = *store.GetStats(now_);
    return {};
  }));
  return stats;
}

ListRequest StoreTest::Everything() {
  ListRequest request;
  request.page_size = 100;
  return request;
}

void StoreTest::ExpectExact() {
  Shell shell(options_);
  for (std::string status : {"pending", "running", "completed", "failed", "cancelled"}) {
    EXPECT_EQ(shell.Ask("SELECT coalesce(sum(" + status + "), 0) FROM collection_totals"),
              shell.Ask("SELECT count(*) FROM collection_jobs WHERE status = '" + status + "'"))
        << status;
  }
  EXPECT_EQ(
      shell.Ask("SELECT coalesce(sum(items_found), 0) || '/' || coalesce(sum(changes_detected), 0) "
                "|| '/' || coalesce(sum(duration_ms), 0) || '/' || coalesce(sum(timed), 0) FROM "
                "collection_totals"),
      shell.Ask("SELECT coalesce(sum(items_found), 0) || '/' || coalesce(sum(changes_detected), 0) "
                "|| '/' || coalesce(sum(duration_ms), 0) || '/' || count(duration_ms) FROM "
                "collection_jobs"));
  if (options_.shared()) {
    // Heads are hints: none may lie behind the first job of its lane.
    EXPECT_EQ(
        shell.Ask("SELECT count(*) FROM (SELECT entity_type, host, auto_start, min(ready_key) AS "
                  "first FROM collection_jobs WHERE ready_key IS NOT NULL GROUP BY 1, 2, 3) AS r "
                  "WHERE NOT EXISTS (SELECT 1 FROM (SELECT * FROM collection_lanes UNION ALL "
                  "SELECT * FROM collection_lane_offers) AS l WHERE l.entity_type = r.entity_type "
                  "AND l.host = r.host AND l.auto_start = r.auto_start AND l.head <= r.first)"),
        "0")
        << "lanes missing";
  } else {
  EXPECT_EQ(
      shell.Ask(
          "SELECT count(*) FROM (SELECT entity_type, host, auto_start, head FROM collection_lanes "
          "EXCEPT SELECT entity_type, host, auto_start, min(ready_key) FROM collection_jobs "
          "WHERE ready_key IS NOT NULL GROUP BY 1, 2, 3)"),
      "0")
      << "lanes too many";
  EXPECT_EQ(
      shell.Ask("SELECT count(*) FROM (SELECT entity_type, host, auto_start, min(ready_key) FROM "
                "collection_jobs WHERE ready_key IS NOT NULL GROUP BY 1, 2, 3 "
                "EXCEPT SELECT entity_type, host, auto_start, head FROM collection_lanes)"),
      "0")
      << "lanes missing";
  }
  EXPECT_EQ(
      shell.Ask("SELECT count(*) FROM collection_jobs j WHERE (slot_held = 1) <> (status = 'running' OR "
                "EXISTS (SELECT 1 FROM collection_attempts a WHERE a.job_id = j.job_id "
                "AND a.released_at IS NULL))"),
      "0")
      << "slots";
  for (std::string table : {"collection_changes", "collection_job_logs", "collection_attempts"}) {
    EXPECT_EQ(shell.Ask("SELECT count(*) FROM " + table +
                        " WHERE job_id NOT IN (SELECT job_id FROM collection_jobs)"),
              "0")
        << table;
  }
  if (!options_.shared()) {
    EXPECT_EQ(shell.Ask("PRAGMA integrity_check"), "ok");
  }
}

}  // namespace forager::store
