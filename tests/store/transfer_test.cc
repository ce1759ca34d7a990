// A database moved into one of the other kind, in both directions.
#include "store/transfer.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "store/canonical_json.h"
#include "store/postgres_database.h"
#include "store/sqlite_database.h"
#include "tests/store/store_fixture.h"

namespace forager::store {
namespace {

using testing::Contains;
using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;

struct Died {};

std::string UrlOf(const StoreOptions& options) {
  return options.shared() ? options.postgres : "sqlite:" + options.path;
}

class Transfers : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    target_.path = folder_.File("target.db");
    if (OnSqlite()) target_.postgres = MakePostgresSchema();
    transfer_.from = UrlOf(options_);
    transfer_.to = UrlOf(target_);
  }
  // A job in each state, and something in every table that is moved.
  void Fill(int logs = 3) {
    for (State state : {State::kPending, State::kCompleted, State::kFailed, State::kCancelled})
      In(state);
    Submitted(AJob("property", "https://host.example/1"));
    AttemptNews news;
    news.ref = running_ = Running(AJob("builder", "https://host.example/2"));
    for (int i = 0; i < logs; ++i) news.logs.emplace_back().message = "line " + std::to_string(i);
    news.changes.resize(2);
    news.changes[0].entity_type = news.changes[1].entity_type = "builder";
    news.items_found = 7;
    EXPECT_TRUE(*Do([&](Store& s) { return s.Record(news, now_); }));
    Do([&](Store& s) {
      return s.ReserveTurns(std::vector{TurnWish{"example.com", Millis{700}, Millis{1'000}}},
                            Millis{1'000}, now_);
    }).value();
    Do([&](Store& s) { return s.CreateToken("ci", "viewer", "hash of a token", now_); }).value();
    Do([&](Store& s) -> Result<std::int64_t> {
      auto raised =
          s.RaiseAlert({"stuck node", "stuck", "job_stuck", "node", "critical", "1", ""}, now_);
      if (!raised) return std::unexpected(raised.error());
      return s.QueueMessage({raised->alert.id, "ops", "firing", "{}", now_}, now_);
    }).value();
    const std::string when = "'2026-11-23 10:00:00.123'";
    for (const std::string& sql : std::vector<std::string>{
             "INSERT INTO collection_schedules (name, cron, job, created_at, updated_at) VALUES "
             "('nightly', '0 3 * * *', '{\"a\": 1}', " +
                 when + ", " + when + ")",
             "INSERT INTO collection_schedule_runs (schedule_id, due_at, decided_at, kind, result) "
             "VALUES (1, " +
                 when + ", " + when + ", 'due', 'skipped')",
             "INSERT INTO collection_history (step, began_at, entity_type, shard, completed) "
             "VALUES "
             "(60, " +
                 when + ", 'builder', '', 3), (60, " + when + ", 'a', 's', 4), (3600, " + when +
                 ", 'a', '', 5)",
             "INSERT INTO collection_pauses VALUES ('builder', " + when + ")",
             "INSERT INTO collection_login_codes VALUES ('code', " + when + ")",
             "INSERT INTO collection_sessions VALUES ('session', 'admin', 'csrf', " + when + ")",
             "INSERT INTO collection_answers (token, key, body_digest, status, headers, body, "
             "created_at) "
             "VALUES ('t', 'k', 'd', 201, '{}', 'body', " +
                 when + ")",
             "INSERT INTO collection_facts VALUES ('node_id', 'old-node'), ('colour', 'green')",
             "UPDATE collection_job_logs SET log_data = '{\"b\": [1.50, 1e3, \"\xC3\xBC\"], \"a\": "
             "null}' WHERE "
             "id % 2 = 1",
         })
      ByHand(sql);
  }
  // A shell that is closed again: whoever has the file open keeps a transfer away.
  void ByHand(const std::string& sql) { Shell(options_).Run(sql); }
  TransferReport Run() {
    service_.reset();
    auto report = RunTransfer(transfer_);
    EXPECT_TRUE(report) << report.error().detail;
    return report.value_or(TransferReport{});
  }
  std::string Refusal() {
    service_.reset();
    auto report = RunTransfer(transfer_);
    return report ? "it was not refused" : report.error().detail;
  }
  // From here on the store is the target.
  void OpenTarget() {
    service_.reset();
    options_ = target_;
    path_ = target_.path;
    OpenStore();
  }
  // As if the program were killed the next time it tells how far it is, so many times into the run.
  bool DiesAfter(int steps) {
    service_.reset();
    TransferOptions mortal = transfer_;
    mortal.progress = [&](const TransferProgress&) {
      if (steps-- == 0) throw Died{};
    };
    try {
      EXPECT_TRUE(RunTransfer(mortal));
      return false;
    } catch (const Died&) {
      return true;
    }
  }
  static TableProof ProofOf(const TransferReport& report, const std::string& table) {
    auto found = std::ranges::find(report.tables, table, &TableProof::table);
    EXPECT_NE(found, report.tables.end()) << table;
    return found == report.tables.end() ? TableProof{} : *found;
  }

  StoreOptions target_;
  TransferOptions transfer_;
  AttemptRef running_;
};
FORAGER_ON_BOTH_DRIVERS(Transfers);

TEST_P(Transfers, EveryTableOfTheSchemaIsKnown) {
  Shell look(options_);
  std::string tables = OnSqlite()
                           ? "FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
                           : "FROM pg_tables WHERE schemaname = current_schema()";
  std::string known;
  for (const KnownTable& table : KnownTables())
    known += (known.empty() ? "'" : ", '") + std::string(table.name) + "'";
  EXPECT_EQ(look.Ask("SELECT count(*) " + tables + " AND " + (OnSqlite() ? "name" : "tablename") +
                     " NOT IN (" + known + ")"),
            "0")
      << "say in transfer_plan.cc what becomes of a new table";
}

TEST_P(Transfers, ATableThatNobodyKnowsIsRefused) {
  ByHand("CREATE TABLE collection_more (id integer PRIMARY KEY)");
  EXPECT_THAT(Refusal(), HasSubstr("The table collection_more is not known"));
}

TEST_P(Transfers, AColumnOfOneSideOnlyIsRefused) {
  ByHand("ALTER TABLE collection_tokens ADD COLUMN colour text");
  EXPECT_THAT(Refusal(), HasSubstr("collection_tokens has other columns"));
}

TEST_P(Transfers, EverythingComesOverAsItWas) {
  Fill();
  Job before = Look(running_.job_id);
  TransferReport report = Run();
  EXPECT_TRUE(report.finished);
  EXPECT_TRUE(report.same());
  EXPECT_THAT(report.refused, IsEmpty());
  for (const TableProof& proof : report.tables) {
    EXPECT_GT(proof.rows_from, 0) << proof.table << " was not tried";
    EXPECT_EQ(proof.rows_from, proof.rows_to) << proof.table;
    EXPECT_EQ(proof.digest_from.size(), 64u);
    EXPECT_EQ(proof.replaced, 0) << proof.table << testing::PrintToString(proof.replaced_named);
  }
  OpenTarget();  // and TearDown counts counters, lanes and slots
  Job after = Look(running_.job_id);
  EXPECT_EQ(after.created_at, before.created_at);
  EXPECT_EQ(after.attempt, before.attempt);
  EXPECT_EQ(after.items_found, 7);
  EXPECT_EQ(after.status, State::kRunning);
  EXPECT_EQ(Figures().pending_jobs, 2);
  EXPECT_TRUE(*Do([&](Store& s) { return s.FindToken("hash of a token"); }));
  EXPECT_EQ(*Do([&](Store& s) { return s.Fact("colour"); }), "green");
  for (std::string own : {"transfer", "node_id", "admin_token_made"})
    EXPECT_EQ(*Do([&](Store& s) { return s.Fact(own); }), std::nullopt) << own;
  EXPECT_TRUE(Complete(running_)) << "an attempt may still end as it would have";
}

TEST_P(Transfers, NewRowsGetIdsBehindTheOldOnes) {
  Fill();
  std::string last = Shell(options_).Ask("SELECT max(id) FROM collection_jobs");
  Run();
  OpenTarget();
  Submitted();
  EXPECT_EQ(Shell(options_).Ask("SELECT max(id) FROM collection_jobs"),
            std::to_string(std::stoi(last) + 1));
}

TEST_P(Transfers, WaitingJobsAreClaimedInTheirOrderAfterwards) {
  std::string later = Submitted();
  NewJob urgent = AJob("property", "https://host.example/");
  urgent.priority = 9;
  std::string first = Submitted(urgent);
  Run();
  OpenTarget();
  ClaimRequest request;
  request.limits.total = 10;
  request.count = 1;
  EXPECT_EQ(Claim(request).jobs.at(0).job_id, first);
  EXPECT_EQ(Claim(request).jobs.at(0).job_id, later);
}

TEST_P(Transfers, KilledAnywhereItGoesOnWithoutAGapOrADouble) {
  Fill(4'500);
  ASSERT_TRUE(DiesAfter(0));
  int deaths = 1;
  while (DiesAfter(deaths)) ASSERT_LT(++deaths, 200);
  EXPECT_GT(deaths, 5);
  transfer_.verify_only = true;
  TransferReport report = Run();
  EXPECT_TRUE(report.same());
  EXPECT_EQ(ProofOf(report, "collection_job_logs").rows_to, 4'500);
  OpenTarget();
}

TEST_P(Transfers, NoServerStartsOnAnUnfinishedTarget) {
  Fill();
  ASSERT_TRUE(DiesAfter(2));
  auto opened = StoreService::Open(target_);
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().detail, HasSubstr("migration that is not finished"));
  EXPECT_TRUE(Run().resumed);
  EXPECT_TRUE(StoreService::Open(target_));
}

TEST_P(Transfers, ASourceThatChangedMeanwhileIsBegunAgainOnRequestOnly) {
  Fill();
  ASSERT_TRUE(DiesAfter(4));
  OpenStore();
  Submitted();
  EXPECT_THAT(Refusal(), HasSubstr("has changed since it began"));
  transfer_.restart = true;
  TransferReport report = Run();
  EXPECT_FALSE(report.resumed);
  EXPECT_TRUE(report.same());
  EXPECT_THAT(Refusal(), HasSubstr("has no unfinished migration to begin again"));
  OpenTarget();
}

TEST_P(Transfers, AChangeThatNoCountShowsIsFoundAndNamed) {
  Fill();
  ASSERT_TRUE(DiesAfter(4));
  ByHand("UPDATE collection_attempts SET outcome = 'other' WHERE id = 2");
  TransferReport report = Run();
  EXPECT_FALSE(report.finished);
  EXPECT_THAT(ProofOf(report, "collection_attempts").named,
              testing::ElementsAre("collection_attempts 2 differs in outcome"));
  transfer_.accept_losses = true;
  EXPECT_TRUE(Run().finished);
}

TEST_P(Transfers, VerifyingNamesWhatIsMissingMoreOrDifferent) {
  Fill(4);
  Run();
  Shell(target_).Run("DELETE FROM collection_job_logs WHERE id = 1");
  Shell(target_).Run("UPDATE collection_job_logs SET message = 'forged' WHERE id = 3");
  Shell(target_).Run("INSERT INTO collection_job_logs (id, job_id, message) VALUES (99, 'x', 'y')");
  transfer_.verify_only = true;
  TransferReport report = Run();
  EXPECT_FALSE(report.same());
  TableProof proof = ProofOf(report, "collection_job_logs");
  EXPECT_THAT(proof.named, testing::ElementsAre("collection_job_logs 1 is missing in the target",
                                                "collection_job_logs 3 differs in message",
                                                "collection_job_logs 99 is in the target only"));
  EXPECT_NE(proof.digest_from, proof.digest_to);
}

TEST_P(Transfers, ATargetWithRowsOfItsOwnIsRefusedAndStaysAsItIs) {
  Fill();
  {
    auto other = StoreService::Open(target_);
    ASSERT_TRUE(other);
    ASSERT_TRUE((*other)->WriteAndWait(
        [&](Store& s) -> Result<void> { return s.CreateLoginCode("a server was here", now_); }));
  }
  EXPECT_THAT(Refusal(), HasSubstr("is not empty: collection_login_codes"));
  transfer_.restart = true;
  EXPECT_THAT(Refusal(), HasSubstr("no unfinished migration"));
  EXPECT_EQ(Shell(target_).Ask("SELECT count(*) FROM collection_login_codes"), "1");
}

TEST_P(Transfers, AnotherSourceMayNotGoOnWithIt) {
  Fill();
  ASSERT_TRUE(DiesAfter(4));
  ByHand("UPDATE collection_facts SET value = 'another' WHERE name = 'node_id'");
  EXPECT_THAT(Refusal(), HasSubstr("from another database"));
}

TEST_P(Transfers, AnotherSchemaVersionIsRefused) {
  ByHand(
      "DELETE FROM collection_schema WHERE version = (SELECT max(version) FROM collection_schema)");
  EXPECT_THAT(Refusal(), HasSubstr("has schema version"));
}

TEST_P(Transfers, ADryRunWritesNothingAndMakesNothing) {
  Fill();
  transfer_.dry_run = true;
  TransferReport report = Run();
  EXPECT_EQ(ProofOf(report, "collection_jobs").rows_from, 6);
  EXPECT_FALSE(report.finished);
  if (!OnSqlite()) {
    EXPECT_FALSE(std::filesystem::exists(target_.path));
    return;
  }
  EXPECT_EQ(
      Shell(target_).Ask("SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()"),
      "0");
}

TEST_P(Transfers, AServedDatabaseIsRefused) {
  Fill();
  if (!OnSqlite()) {
    ByHand(
        "INSERT INTO collection_nodes VALUES ('n', 'machine', 'b', '1', now(), now() - interval "
        "'50 s')");
  }
  auto server = std::move(service_);  // has the SQLite file open
  EXPECT_THAT(Refusal(),
              OnSqlite() ? HasSubstr("is in use") : HasSubstr("on machine was heard of"));
  server.reset();
  if (!OnSqlite()) ByHand("UPDATE collection_nodes SET heartbeat_at = now() - interval '61 s'");
  EXPECT_TRUE(Run().finished);
}

TEST_P(Transfers, TwoAtOnceAreRefused) {
  Fill();
  service_.reset();
  std::string second;
  transfer_.progress = [&](const TransferProgress&) {
    TransferOptions other = transfer_;
    other.progress = [](const TransferProgress&) {};
    // The file is locked by the first; another file meets the lock of the PostgreSQL side.
    if (OnSqlite()) other.from = "sqlite:" + folder_.File("other.db");
    if (!OnSqlite()) other.to = "sqlite:" + folder_.File("other.db");
    if (!second.empty()) return;
    if (OnSqlite()) {
      StoreOptions empty;
      empty.path = folder_.File("other.db");
      ASSERT_TRUE(StoreService::Open(empty));
    }
    auto report = RunTransfer(other);
    second = report ? "both" : report.error().detail;
  };
  EXPECT_TRUE(RunTransfer(transfer_));
  EXPECT_THAT(second, HasSubstr("Another migration is at work"));
}

// Its server is gone with its database: by its lease where servers share one, else at the start.
TEST_P(Transfers, ARunningJobIsGivenBackInTheNewDatabase) {
  Fill();
  Run();
  OpenTarget();
  auto running = Do([&](Store& s) { return s.Running(std::nullopt, 10, now_); }).value().jobs;
  ASSERT_EQ(running.size(), 1u);
  EXPECT_TRUE(running[0].has_open_attempt) << "what a start on a file gives back";
  EXPECT_EQ(running[0].ref.job_id, running_.job_id);
  if (!target_.shared()) return;
  // now_ is of September 2026 and the database's clock is real: its lease has run out.
  auto lost = Do([&](Store& s) { return s.LostAttempts(10, now_); }).value();
  ASSERT_EQ(lost.size(), 1u);
  EXPECT_EQ(lost[0].ref.job_id, running_.job_id);
  EXPECT_TRUE(lost[0].has_open_attempt);
}

class FromSqlite : public Transfers {};
INSTANTIATE_TEST_SUITE_P(Sqlite, FromSqlite, ::testing::Values(Driver::kSqlite));

TEST_P(FromSqlite, ItKeepsServersAwayWhileItWorks) {
  Fill();
  service_.reset();
  int tried = 0;
  transfer_.progress = [&](const TransferProgress&) {
    if (tried++ == 1) {
      EXPECT_FALSE(StoreService::Open(options_));
    }
  };
  EXPECT_TRUE(RunTransfer(transfer_));
  EXPECT_GT(tried, 1);
}

TEST_P(FromSqlite, WhatPostgresDoesNotTakeIsReplacedAndNamed) {
  Fill(6);
  ByHand("UPDATE collection_job_logs SET message = 'a' || char(0) || 'b' WHERE id = 1");
  ByHand("UPDATE collection_job_logs SET message = CAST(x'61ff62' AS TEXT) WHERE id = 2");
  ByHand("UPDATE collection_job_logs SET timestamp = 'yesterday' WHERE id = 3");
  ByHand("UPDATE collection_job_logs SET log_data = '{broken' WHERE id = 4");
  ByHand("UPDATE collection_job_logs SET log_data = '{\"a\": \"x\\u0000y\"}' WHERE id = 5");
  ByHand("UPDATE collection_attempts SET pid = 99999999999, exit_code = 'seven' WHERE id = 1");
  ByHand("UPDATE collection_attempts SET ended_at = '2026-11-23T12:00:00+02:00' WHERE id = 2");
  TransferReport report = Run();
  EXPECT_TRUE(report.finished);
  EXPECT_TRUE(report.same());
  TableProof logs = ProofOf(report, "collection_job_logs");
  EXPECT_EQ(logs.replaced, 5);
  EXPECT_THAT(logs.replaced_named,
              Contains("collection_job_logs 3 timestamp: \"yesterday\" is no time: 1970-01-01"));
  EXPECT_THAT(
      ProofOf(report, "collection_attempts").replaced_named,
      testing::ElementsAre("collection_attempts 1 pid: 99999999999 is beyond 32 bits: 2147483647",
                           "collection_attempts 1 exit_code: \"seven\" is no whole number: 0"));
  Shell moved(target_);
  EXPECT_EQ(moved.Ask("SELECT message FROM collection_job_logs WHERE id = 1"),
            "a\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(moved.Ask("SELECT message FROM collection_job_logs WHERE id = 2"),
            "a\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(moved.Ask("SELECT log_data #>> '{}' FROM collection_job_logs WHERE id = 4"), "{broken");
  EXPECT_EQ(
      moved.Ask("SELECT ended_at = '2026-11-23 10:00Z' FROM collection_attempts WHERE id = 2"),
      "t");
}

TEST_P(FromSqlite, ARowThatIsRefusedIsNamedAndTheOthersAreMoved) {
  service_.reset();
  for (std::string hash : {"'one'", "CAST(x'61ff' AS TEXT)", "CAST(x'61fe' AS TEXT)", "'two'"})
    ByHand("INSERT INTO collection_tokens (name, role, hash, created_at) VALUES ('t', 'viewer', " +
           hash + ", '2026-11-23 10:00:00.000')");
  ByHand("INSERT INTO collection_pauses VALUES (CAST(x'fe' AS TEXT), '2026-11-23 10:00:00.000')");
  TransferReport report = Run();
  EXPECT_FALSE(report.finished);
  ASSERT_EQ(report.refused.size(), 1u);
  EXPECT_THAT(report.refused[0], testing::StartsWith("collection_tokens 3: "));
  EXPECT_THAT(ProofOf(report, "collection_tokens").named,
              testing::ElementsAre("collection_tokens 3 is missing in the target"));
  EXPECT_EQ(ProofOf(report, "collection_tokens").rows_to, 3);
  EXPECT_THAT(ProofOf(report, "collection_pauses").named, Contains(HasSubstr("stays behind")));
  EXPECT_FALSE(StoreService::Open(target_));
  transfer_.accept_losses = true;
  EXPECT_TRUE(Run().finished);
  EXPECT_TRUE(StoreService::Open(target_));
}

TEST_P(FromSqlite, AndBackAgainItIsTheSame) {
  Fill(1'200);
  TransferReport there = Run();
  TransferOptions back;
  back.from = transfer_.to;
  back.to = "sqlite:" + folder_.File("again.db");
  auto again = RunTransfer(back);
  ASSERT_TRUE(again) << again.error().detail;
  for (std::size_t i = 0; i < there.tables.size(); ++i)
    EXPECT_EQ(there.tables[i].digest_from, again->tables[i].digest_to) << there.tables[i].table;
}

TEST(CanonicalJson, IsOneTextForOneValue) {
  auto text = [](std::string_view json) {
    auto found = ToCanonicalJson(json);
    return found ? found->text : "none";
  };
  EXPECT_EQ(text(R"( {"b":1, "a" : [true,null , "x\u00fc\/"], "b": 2} )"),
            "{\"a\":[true,null,\"x\xC3\xBC/\"],\"b\":2}");
  for (const char* thousand : {"1000", "1e3", "1000.000", "0.1E+4", "10000e-1"})
    EXPECT_EQ(text(thousand), "1000") << thousand;
  EXPECT_EQ(text("-0.0"), "0");
  EXPECT_EQ(text("-0.0150"), "-0.015");
  EXPECT_EQ(text("0.1234567890123456789012345"), "0.1234567890123456789012345");
  EXPECT_EQ(text("123456789012345678901234567890"), "1.2345678901234567890123456789e29");
  EXPECT_EQ(text("1.5e-40"), "1.5e-40");
  EXPECT_EQ(text("1e400"), "1e400");
  for (const char* wrong : {"", "{", "nul", "1 2", "\"\\ud800\"", "1e999999", "[1,]", "'a'"})
    EXPECT_EQ(text(wrong), "none") << wrong;
  EXPECT_TRUE(ToCanonicalJson("\"a\\u0000\"")->had_nul);
}

}  // namespace
}  // namespace forager::store
