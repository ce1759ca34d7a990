// A person with a database shell: whatever is edited by hand, counters, lanes and slots stay exact
// (TearDown counts them), and times get their one form.
#include <gmock/gmock.h>

#include "tests/store/store_fixture.h"

namespace forager::store {
namespace {

class ByHand : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    shell_ = std::make_unique<Shell>(options_);
  }
  void Set(const std::string& job_id, const std::string& assignments) {
    shell_->Run("UPDATE collection_jobs SET " + assignments + " WHERE job_id = '" + job_id + "'");
    ExpectExact();
  }
  std::string Column(const std::string& job_id, const std::string& column) {
    return shell_->Ask("SELECT " + column + " FROM collection_jobs WHERE job_id = '" + job_id +
                       "'");
  }
  std::unique_ptr<Shell> shell_;
};
FORAGER_ON_BOTH_DRIVERS(ByHand);

TEST_P(ByHand, TheSeedsOwnTestMakesAStuckJob) {
  std::string job_id = Submitted();
  Set(job_id, "status='running', started_at=" + Ago("1 hour"));
  EXPECT_EQ(Figures().running_jobs, 1);
  EXPECT_EQ(Claim().block, ClaimBlock::kTotalLimit);
  auto running = Do([&](Store& s) { return s.Running(std::nullopt, 10, now_); });
  ASSERT_EQ(running->jobs.size(), 1u);
  EXPECT_TRUE(running->jobs[0].started_at);
  EXPECT_FALSE(running->jobs[0].has_open_attempt);
  if (OnSqlite()) {
    EXPECT_EQ(Column(job_id, "length(started_at)"), "23");
  }
  EXPECT_TRUE(*Do([&](Store& s) { return s.Reset({job_id, 0}, "stuck", false, now_); }));
  EXPECT_EQ(Look(job_id).status, State::kFailed);
}

TEST_P(ByHand, EveryStatusMayBeSetAndNoOther) {
  std::string job_id = Submitted();
  for (std::string status :
       {"running", "completed", "pending", "failed", "cancelled", "pending", "completed"}) {
    Set(job_id, "status='" + status + "'");
    EXPECT_EQ(Name(Look(job_id).status), status);
  }
  EXPECT_NE(shell_->Try("UPDATE collection_jobs SET status='stuck'"), "");
  EXPECT_NE(shell_->Try("UPDATE collection_jobs SET priority=11"), "");
}

TEST_P(ByHand, TimesGetTheirOneForm) {
  if (!OnSqlite()) GTEST_SKIP() << "timestamptz has one form";
  std::string job_id = Submitted();
  Set(job_id, "started_at='2026-11-23T10:00:00Z'");
  EXPECT_EQ(Column(job_id, "started_at"), "2026-11-23 10:00:00.000");
  Set(job_id, "started_at='2026-11-23 10:00'");
  EXPECT_EQ(Column(job_id, "started_at"), "2026-11-23 10:00:00.000");
  Set(job_id, "started_at='soon', cancel_requested_at='now'");
  EXPECT_EQ(Column(job_id, "started_at"), "soon");
  EXPECT_EQ(Look(job_id).started_at, std::nullopt);
  shell_->Run("PRAGMA recursive_triggers = ON");
  Set(job_id,
      "started_at='2026-11-23T10:00:00.5Z', created_at='2026-11-23', "
      "target_url='http://B.example/x'");
  EXPECT_EQ(Column(job_id, "started_at"), "2026-11-23 10:00:00.500");
  EXPECT_EQ(Column(job_id, "host"), "b.example");
}

TEST_P(ByHand, InsertedJobsAreClaimedInTheirTurn) {
  std::string later = Submitted();
  shell_->Run(
      "INSERT INTO collection_jobs (job_id, entity_type, job_type, target_url, created_at) "
      "VALUES ('JOB-1-BYHAND0000', 'property', 'update', 'https://User@Site.example:81/a?b', "
      "'2020-01-01')");
  shell_->Run(
      "INSERT INTO collection_jobs (entity_type, job_type, run_at) VALUES ('builder', 'x', "
      "'2999-01-01')");
  shell_->Run(
      "INSERT INTO collection_jobs (entity_type, job_type, status) VALUES ('builder', 'x', "
      "'completed')");
  ExpectExact();
  EXPECT_EQ(Column("JOB-1-BYHAND0000", "host"), "site.example:81");
  ClaimRequest request;
  request.limits.total = 10;
  request.count = 10;
  auto claimed = Claim(request);
  ASSERT_EQ(claimed.jobs.size(), 2u);
  EXPECT_EQ(claimed.jobs[0].job_id, "JOB-1-BYHAND0000");
  EXPECT_EQ(claimed.jobs[1].job_id, later);
  EXPECT_EQ(claimed.total_pending, 1);
}

TEST_P(ByHand, DeletedRowsTakeEverythingWithThem) {
  AttemptRef ref = Running();
  AttemptNews news;
  news.ref = ref;
  news.items_found = 3;
  news.logs.push_back({0, now_, 1, LogLevel::kInfo, {}, "x", {}});
  news.changes.emplace_back();
  ASSERT_TRUE(*Do([&](Store& s) { return s.Record(news, now_); }));
  Submitted();
  shell_->Run("DELETE FROM collection_jobs");
  ExpectExact();
  EXPECT_EQ(shell_->Ask("SELECT count(*) FROM collection_job_logs"), "0");
  EXPECT_EQ(Figures().total_jobs, 0);
}

TEST_P(ByHand, AttemptsGiveSlotsBack) {
  AttemptRef ref = Running();
  Set(ref.job_id, "status='pending'");
  EXPECT_EQ(Column(ref.job_id, "slot_held"), "1");
  shell_->Run("UPDATE collection_attempts SET released_at=" + Now());
  ExpectExact();
  EXPECT_EQ(Column(ref.job_id, "slot_held"), "0");
  EXPECT_EQ(Claim().jobs.at(0).attempt, 2);
  Set(ref.job_id, "status='pending'");
  shell_->Run("DELETE FROM collection_attempts");
  ExpectExact();
  EXPECT_EQ(Claim().jobs.size(), 1u);
}

TEST_P(ByHand, ALoweredAttemptNumberIsNotUsedTwice) {
  AttemptRef ref = Running();
  ASSERT_TRUE(Retry(ref, Millis{0}));
  Set(ref.job_id, "attempt=0");
  EXPECT_EQ(Claim().jobs.at(0).attempt, 2);
}

TEST_P(ByHand, TypeHostPriorityAndTimeMoveAJobToItsLane) {
  std::string job_id = Submitted(AJob("property", "https://a.example/"));
  Submitted(AJob("property", "https://a.example/"));
  Set(job_id, "entity_type='builder'");
  Set(job_id, "target_url='https://b.example/'");
  Set(job_id, "priority=9");
  Set(job_id, "run_at='2999-01-01'");
  EXPECT_EQ(Column(job_id, "waiting"), "1");
  Set(job_id, "run_at=NULL");
  EXPECT_EQ(Claim().jobs.at(0).job_id, job_id);
}

}  // namespace
}  // namespace forager::store
