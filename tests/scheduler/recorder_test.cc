#include <fmt/format.h>
#include <sqlite3.h>

#include "engine_fixture.h"

namespace forager::scheduler {
namespace {

using RecorderTest = EngineTest;

RecordEvent Found(const std::string& name) {
  RecordEvent record;
  record.entity = R"({"name":")" + name + R"("})";
  record.confidence = 0.9;
  return record;
}

TEST_F(RecorderTest, WhatAnAttemptSaysIsStoredWithItsEnd) {
  AttemptRef ref = Running();
  recorder_->OnStarted(ref, 4711);
  recorder_->OnEvents(ref,
                      {Found("Willow Bend"), LogEvent{LogLevel::kInfo, "parsing", "one found", {}},
                       Found("Willow Glen")});
  Ended(ref, Exited{0}, Good());
  Job job = Find(ref.job_id);
  EXPECT_EQ(job.status, State::kCompleted);
  EXPECT_EQ(job.items_found, 2);
  EXPECT_EQ(job.changes_detected, 2);
  EXPECT_EQ(LastAttempt(ref.job_id).pid, 4711);
  EXPECT_TRUE(LastAttempt(ref.job_id).released_at);
}

TEST_F(RecorderTest, AnEndKeepsWhatTheNewsBeforeItFailedToStore) {
  AttemptRef ref = Running();
  recorder_->OnEvents(ref, {Found("Willow Bend")});
  // The news' write fails, and the attempt ends while it is on its way.
  bool ended = false;
  sqlite3* shell = nullptr;
  ASSERT_EQ(sqlite3_open((dir_ + "/forager.db").c_str(), &shell), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(shell, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  auto end = loop_->After(Millis{150}, [&] {
    AttemptEnd last;
    last.process = Exited{0};
    last.result = Good();
    last.usage = Usage{};
    last.released = true;
    supervisor_.Gone(ref);
    recorder_->OnEnded(ref, last);
    ended = true;
  });
  Until([&] { return ended && recorder_->unwritten() > 0; });
  ASSERT_EQ(sqlite3_exec(shell, "ROLLBACK", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(shell);
  Until([&] { return !recorder_->Owns(ref); });
  EXPECT_EQ(Find(ref.job_id).status, State::kCompleted);
  EXPECT_EQ(Find(ref.job_id).items_found, 1);
}

TEST_F(RecorderTest, WhatIsLostIsCountedAndTold) {
  AttemptRef ref = Running();
  recorder_->OnLost(ref, {2, 100, 5'000});
  for (int i = 0; i < 30; ++i) {
    std::vector<Event> lines(1'000, LogEvent{LogLevel::kInfo, "stdout", "a short line", {}});
    recorder_->OnEvents(ref, std::move(lines));
  }
  Ended(ref, Exited{0}, Good());
  EXPECT_EQ(Find(ref.job_id).unreadable_events, 2);
  auto logs = Ask<store::LogPage>(
      [&](store::Store& store) { return store.Logs(ref.job_id, store::LogRequest{}); });
  EXPECT_LT(logs.total, 12'000);
  store::LogRequest warnings;
  warnings.level = LogLevel::kWarning;
  auto told =
      Ask<store::LogPage>([&](store::Store& store) { return store.Logs(ref.job_id, warnings); });
  ASSERT_FALSE(told.logs.empty());
  auto notices = static_cast<std::int64_t>(told.logs.size());
  std::int64_t dropped = 30'000 + 100 - (logs.total - notices);
  EXPECT_EQ(told.logs.back().message, fmt::format("dropped {} lines ({} bytes) of output", dropped,
                                                  5'000 + (dropped - 100) * 13));
}

TEST_F(RecorderTest, ProgressIsStoredWhileTheAttemptLives) {
  AttemptRef ref = Running();
  ProgressEvent progress;
  progress.percent = 40;
  progress.stage = "parsing";
  recorder_->OnEvents(ref, {progress});
  Until([&] { return Find(ref.job_id).progress.percent == 40; });
  EXPECT_EQ(Find(ref.job_id).progress.stage, "parsing");
}

TEST_F(RecorderTest, LateEndOfAResetAttemptChangesNothing) {
  AttemptRef ref = Running();
  Ask<bool>(
      [&](store::Store& store) { return store.Reset(ref, "Job timed out", false, clock_.Now()); });
  recorder_->OnEvents(ref, {Found("too late")});
  Ended(ref, Exited{0}, Good());
  Job job = Find(ref.job_id);
  EXPECT_EQ(job.status, State::kFailed);
  EXPECT_EQ(job.error_message, "Job timed out");
  EXPECT_EQ(job.items_found, 0);
  EXPECT_GE(recorder_->figures().late_words, 1u);
  EXPECT_TRUE(LastAttempt(ref.job_id).released_at);
}

TEST_F(RecorderTest, CrashIsRetriedAtOnceThenWithBackoffThenFails) {
  AttemptRef ref = Running();
  Ended(ref, Signaled{11});
  EXPECT_EQ(retries_at_.back(), clock_.Now());
  Until([&] { return supervisor_.started.back().ref.attempt == 2; });
  Ended({ref.job_id, 2}, Signaled{11});
  EXPECT_GE(retries_at_.back(), clock_.Now() + Millis{100'000});
  EXPECT_TRUE(Find(ref.job_id).error_message);
  clock_.Advance(Millis{200'000});
  dispatcher_->Wake();
  Until([&] { return supervisor_.started.back().ref.attempt == 3; });
  Ended({ref.job_id, 3}, Signaled{11});
  EXPECT_EQ(Find(ref.job_id).status, State::kFailed);
  EXPECT_EQ(Find(ref.job_id).error_class, "crashed");
}

TEST_F(RecorderTest, CancelWinsOverACompletedResult) {
  AttemptRef ref = Running();
  Ask<Job>(
      [&](store::Store& store) { return store.RequestCancel(ref.job_id, false, clock_.Now()); });
  Ended(ref, Exited{0}, Good());
  EXPECT_EQ(Find(ref.job_id).status, State::kCancelled);
}

TEST_F(RecorderTest, JobLeavesRunningWhileItsSlotWaitsForTheProof) {
  AttemptRef ref = Running();
  AttemptEnd end;
  end.process = Signaled{9};
  end.stop = StopReason::kStalled;
  end.released = false;
  recorder_->OnEnded(ref, end);
  Until([&] { return recorder_->owned() == 0; });
  EXPECT_EQ(Find(ref.job_id).status, State::kPending);
  EXPECT_FALSE(LastAttempt(ref.job_id).released_at);
  EXPECT_EQ(Ask<store::Store::SlotUse>([](store::Store& store) {
              return store.Slots("community", "");
            }).total,
            1);
  recorder_->OnReleased(ref, Usage{});
  Until([&] { return LastAttempt(ref.job_id).released_at.has_value(); });
  EXPECT_EQ(Ask<store::Store::SlotUse>([](store::Store& store) {
              return store.Slots("community", "");
            }).total,
            0);
}

TEST_F(RecorderTest, ChildJobsKnowTheirParentAndTakeTheirTypesPriority) {
  AttemptRef ref = Running();
  ChildJobEvent child;
  child.job.entity_type = "builder";
  child.job.job_type = "discovery";
  recorder_->OnEvents(ref, {child});
  Ended(ref, Exited{0}, Good());
  store::ListRequest children;
  children.filter.parent_job_id = ref.job_id;
  auto found =
      Ask<store::Page<Job>>([&](store::Store& store) { return store.List(children); }).items;
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].entity_type, "builder");
  EXPECT_EQ(found[0].priority, 7);
}

TEST_F(RecorderTest, EndOfADeletedJobIsForgotten) {
  AttemptRef ref = Running();
  Ask<bool>([&](store::Store& store) { return store.Reset(ref, "reset", false, clock_.Now()); });
  Ask<bool>([&](store::Store& store) { return store.Release(ref, std::nullopt, clock_.Now()); });
  Ask<int>([&](store::Store& store) -> Result<int> {
    auto gone = store.Delete(ref.job_id);
    if (!gone) return std::unexpected(gone.error());
    return 0;
  });
  Ended(ref, Exited{0}, Good());
  EXPECT_EQ(recorder_->owned(), 0u);
}

ChildJobEvent Child(const std::string& query, const std::string& filters = R"({"a":1,"b":2})") {
  ChildJobEvent child;
  child.job.entity_type = "builder";
  child.job.job_type = "update";
  child.job.search_query = query;
  child.job.search_filters = filters;
  return child;
}

class Children : public EngineTest {
 protected:
  std::size_t Count(const std::string& parent) {
    store::ListRequest children;
    children.filter.parent_job_id = parent;
    return Ask<store::Page<Job>>([&](store::Store& store) { return store.List(children); })
        .items.size();
  }
  std::vector<LogLine> Warnings(const std::string& id) {
    store::LogRequest request;
    request.level = LogLevel::kWarning;
    return Ask<store::LogPage>([&](store::Store& store) { return store.Logs(id, request); }).logs;
  }
};

TEST_F(Children, AnIdenticalOneOfTheSameParentIsStoredOnceHoweverOftenItIsTried) {
  AttemptRef ref = Running();
  recorder_->OnEvents(ref, {Child("one"), Child("two"), Child("one", R"({"b": 2, "a": 1})")});
  Ended(ref, Signaled{11});
  EXPECT_EQ(Count(ref.job_id), 2u);
  Until([&] { return supervisor_.started.back().ref.attempt == 2; });
  AttemptRef again{ref.job_id, 2};
  recorder_->OnEvents(again, {Child("one"), Child("two"), Child("three")});
  Ended(again, Exited{0}, Good());
  EXPECT_EQ(Count(ref.job_id), 3u);
  EXPECT_EQ(Find(ref.job_id).status, State::kCompleted);
}

TEST_F(Children, MoreThanAnAttemptMaySubmitAreAPermanentFailure) {
  AttemptRef ref = Running();
  for (int i = 0; i < 9; ++i) recorder_->OnEvents(ref, {Child(std::to_string(i))});
  EXPECT_EQ(refused_, std::vector<AttemptRef>{ref});
  Ended(ref, Signaled{9});
  Job job = Find(ref.job_id);
  EXPECT_EQ(job.status, State::kFailed);
  EXPECT_EQ(job.error_class, "permanent");
  EXPECT_EQ(job.error_message, "The attempt submitted more than 5 child jobs (max_children)");
  EXPECT_EQ(Count(ref.job_id), 5u);
  auto warnings = Warnings(ref.job_id);
  ASSERT_FALSE(warnings.empty());
  EXPECT_TRUE(warnings[0].message.starts_with("Child job refused: builder/update"))
      << warnings[0].message;
}

TEST_F(Children, TooManyWaitingJobsAreAPermanentFailureAlsoOfAnAttemptThatHasEnded) {
  AttemptRef ref = Running();
  max_pending_ = 1;
  recorder_->OnEvents(ref, {Child("one"), Child("two")});
  Ended(ref, Exited{0}, Good());
  Job job = Find(ref.job_id);
  EXPECT_EQ(job.status, State::kFailed);
  EXPECT_EQ(job.error_class, "permanent");
  EXPECT_NE(job.error_message->find("max_pending"), std::string::npos) << *job.error_message;
  EXPECT_EQ(Count(ref.job_id), 0u);
  EXPECT_EQ(Warnings(ref.job_id).size(), 3u) << "each by name, and the end";
}

TEST_F(RecorderTest, WhatTheDatabaseRefusesForGoodIsGivenUp) {
  AttemptRef ref = Running();
  sqlite3* shell = nullptr;
  ASSERT_EQ(sqlite3_open((dir_ + "/forager.db").c_str(), &shell), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(shell,
                         "CREATE TRIGGER refuse BEFORE INSERT ON collection_changes "
                         "BEGIN SELECT RAISE(ABORT, 'no'); END",
                         nullptr, nullptr, nullptr),
            SQLITE_OK);
  sqlite3_close(shell);
  recorder_->OnEvents(ref, {Found("Willow Bend")});
  EXPECT_GT(recorder_->held_bytes(), 0u);
  Ended(ref, Exited{0}, Good());
  Job job = Find(ref.job_id);
  EXPECT_EQ(job.status, State::kFailed);
  EXPECT_EQ(job.error_class, "permanent");
  EXPECT_EQ(recorder_->figures().refused, 1u);
  EXPECT_EQ(recorder_->held_bytes(), 0u) << "nothing is held, and nothing is counted as held";
  EXPECT_TRUE(LastAttempt(ref.job_id).released_at);
}

TEST_F(RecorderTest, WhatWaitsIsCountedAtItsTrueSize) {
  AttemptRef ref = Running();
  sqlite3* shell = nullptr;
  ASSERT_EQ(sqlite3_open((dir_ + "/forager.db").c_str(), &shell), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(shell, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  for (int i = 0; i < 10; ++i) recorder_->OnEvents(ref, {Found(std::string(100'000, 'x'))});
  recorder_->OnEvents(ref, {Child(std::string(2'000, 'y'))});
  std::size_t held = recorder_->held_bytes();
  EXPECT_GT(held, 1'002'000u);
  EXPECT_LT(held, 1'020'000u);
  bool failed = false;
  auto late = loop_->After(Millis{900}, [&] { failed = true; });  // at least one write has failed
  Until([&] { return failed; });
  EXPECT_EQ(recorder_->held_bytes(), held);
  ASSERT_EQ(sqlite3_exec(shell, "ROLLBACK", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(shell);
  Until([&] { return recorder_->held_bytes() == 0; });
  EXPECT_EQ(Find(ref.job_id).items_found, 10);
}

TEST_F(RecorderTest, OrdersThatCouldNotBeStoredAreStoredWithTheEnd) {
  AttemptRef cancelled = Running();
  EXPECT_TRUE(recorder_->CancelAtEnd(cancelled));
  Ended(cancelled, Exited{0}, Good());
  EXPECT_EQ(Find(cancelled.job_id).status, State::kCancelled);
  EXPECT_FALSE(recorder_->CancelAtEnd(cancelled));

  AttemptRef reset = Running();
  EXPECT_TRUE(recorder_->ResetAtEnd({reset, "Job timed out."}, false));
  Ended(reset, Signaled{9});
  EXPECT_EQ(Find(reset.job_id).status, State::kFailed);
  EXPECT_EQ(Find(reset.job_id).error_message, "Job timed out.");
  EXPECT_EQ(Find(reset.job_id).error_class, "reset");
  EXPECT_TRUE(LastAttempt(reset.job_id).released_at);

  OnRequest();
  std::string id = Submitted();
  store::ClaimRequest request;
  request.node = "node-1";
  request.limits.total = 9;
  request.job_id = id;
  auto claimed = Ask<store::ClaimResult>(
      [&](store::Store& store) { return store.Claim(request, clock_.Now()); });
  dispatcher_->Launch(claimed.jobs);
  AttemptRef requeued{id, claimed.jobs[0].attempt};
  EXPECT_TRUE(recorder_->ResetAtEnd({requeued, "Job timed out."}, true));
  Ended(requeued, Signaled{9});
  EXPECT_EQ(Find(id).status, State::kPending);
  EXPECT_EQ(Find(id).tries_used, 0);
}

}  // namespace
}  // namespace forager::scheduler
