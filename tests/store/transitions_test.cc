// Every transition from every state; late words; what each move leaves on the rows.
#include <gmock/gmock.h>

#include "os/clock.h"
#include "tests/store/store_fixture.h"

namespace forager::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Transitions : public StoreTest {
 protected:
  // Whether the move was made on a job in that state.
  bool Try(const std::string& job_id, Transition by) {
    AttemptRef ref{job_id, Look(job_id).attempt};
    auto moved = [](const auto& result) { return result.has_value() && *result; };
    switch (by) {
      case Transition::kClaim: {
        ClaimRequest request;
        request.job_id = job_id;
        request.limits.total = 1'000;
        return !Claim(request).jobs.empty();
      }
      case Transition::kComplete:
        return Complete(ref);
      case Transition::kFail:
        return Fail(ref);
      case Transition::kRetry:
        return Retry(ref, Millis{1'000});
      case Transition::kCancel:
        return moved(Do([&](Store& s) { return s.Cancel(Final(ref, "cancelled"), now_); }));
      case Transition::kReset:
        return moved(Do([&](Store& s) { return s.Reset(ref, "too long", false, now_); }));
      case Transition::kResetAndRequeue:
        return moved(Do([&](Store& s) { return s.Reset(ref, "too long", true, now_); }));
      case Transition::kInterrupt:
        return moved(
            Do([&](Store& s) { return s.Interrupt(Final(ref, "interrupted"), now_, true, now_); }));
      case Transition::kRequeue:
        return Do([&](Store& s) { return s.Requeue(job_id, now_); }).has_value();
      case Transition::kCancelPending: {
        auto job = Do([&](Store& s) { return s.RequestCancel(job_id, false, now_); });
        return job && job->status == State::kCancelled;
      }
      case Transition::kDelete:
        return Do([&](Store& s) { return s.Delete(job_id); }).has_value();
      case Transition::kSubmit:
        break;
    }
    return false;
  }
};
FORAGER_ON_BOTH_DRIVERS(Transitions);

TEST_P(Transitions, EveryMoveOfTheTableWorksAndNoOther) {
  for (State from : kAllStates) {
    for (Transition by : {Transition::kClaim, Transition::kComplete, Transition::kFail,
                          Transition::kRetry, Transition::kCancel, Transition::kCancelPending,
                          Transition::kReset, Transition::kResetAndRequeue, Transition::kInterrupt,
                          Transition::kRequeue, Transition::kDelete}) {
      std::string job_id = In(from);
      EXPECT_EQ(Try(job_id, by), Allowed(from, by)) << Name(from) << " " << Name(by);
      for (const TransitionRule& rule : TransitionTable()) {
        if (rule.from == from && rule.by == by && rule.to) {
          EXPECT_EQ(Look(job_id).status, *rule.to) << Name(from) << " " << Name(by);
        }
      }
    }
  }
}

TEST_P(Transitions, ClaimTakesAttemptLeaseAndSlot) {
  AttemptRef ref = Running();
  Job job = Look(ref.job_id);
  EXPECT_EQ(job.status, State::kRunning);
  EXPECT_EQ(job.attempt, 1);
  EXPECT_EQ(job.started_at, now_);
  EXPECT_EQ(job.node, "node-1");
  if (OnSqlite()) {
    EXPECT_EQ(job.lease_expires_at, now_ + Millis{15'000});
  } else {  // leases are kept by the database's clock
    EXPECT_GT(*job.lease_expires_at, os::SystemClock().Now() + Millis{10'000});
    EXPECT_LE(*job.lease_expires_at, os::SystemClock().Now() + Millis{15'000});
  }
}

TEST_P(Transitions, CompleteClearsTheLastErrorAndKeepsTheAttempt) {
  AttemptRef first = Running();
  ASSERT_TRUE(Retry(first, Millis{0}));
  Job waiting = Look(first.job_id);
  EXPECT_EQ(waiting.error_message, "because");
  EXPECT_EQ(waiting.error_class, "transient");
  EXPECT_EQ(waiting.tries_used, 1);
  ClaimResult again = Claim();
  ASSERT_EQ(again.jobs.size(), 1u);
  EXPECT_EQ(again.jobs[0].attempt, 2);
  Advance(Millis{2'500});
  ASSERT_TRUE(Complete({first.job_id, 2}));
  Job job = Look(first.job_id);
  EXPECT_EQ(job.error_message, std::nullopt);
  EXPECT_EQ(job.completed_at, now_);
  EXPECT_EQ(job.node, std::nullopt);
  EXPECT_EQ(Figures().average_duration, 2.5);
  auto attempts = Do([&](Store& s) { return s.Attempts(first.job_id); });
  ASSERT_EQ(attempts->size(), 2u);
  EXPECT_EQ((*attempts)[0].outcome, "transient");
  EXPECT_EQ((*attempts)[1].outcome, "completed");
}

TEST_P(Transitions, LateWordsOfAFencedAttemptChangeNothing) {
  AttemptRef old = Running();
  ASSERT_TRUE(*Do([&](Store& s) { return s.Reset(old, "too long", true, now_); }));
  Advance(Millis{10});
  ASSERT_TRUE(*Do([&](Store& s) { return s.Release(old, Usage{1, 2, 3, 4}, now_); }));
  ASSERT_EQ(Claim().jobs.size(), 1u);
  Job before = Look(old.job_id);

  AttemptFinal late = Final(old);
  late.news.progress = Progress{99.0, "late", "late", now_};
  late.news.logs.push_back({0, now_, 1, LogLevel::kInfo, {}, "late", {}});
  late.news.changes.emplace_back();
  late.news.items_found = 7;
  late.news.child_jobs.push_back(AJob());
  EXPECT_FALSE(*Do([&](Store& s) { return s.Record(late.news, now_); }));
  EXPECT_FALSE(*Do([&](Store& s) { return s.Complete(late, now_); }));
  EXPECT_FALSE(*Do([&](Store& s) { return s.Fail(late, now_); }));
  EXPECT_FALSE(*Do([&](Store& s) { return s.Retry(late, now_, true, true, now_); }));
  EXPECT_FALSE(*Do([&](Store& s) { return s.Cancel(late, now_); }));
  EXPECT_FALSE(*Do([&](Store& s) { return s.Interrupt(late, now_, true, now_); }));
  EXPECT_FALSE(*Do([&](Store& s) { return s.Reset(old, "again", false, now_); }));
  EXPECT_FALSE(*Do([&](Store& s) { return s.Release(old, std::nullopt, now_); }));

  Job after = Look(old.job_id);
  EXPECT_EQ(after.status, State::kRunning);
  EXPECT_EQ(after.updated_at, before.updated_at);
  EXPECT_EQ(after.items_found, 0);
  EXPECT_EQ(after.changes_detected, 0);
  EXPECT_EQ(after.progress.percent, std::nullopt);
  EXPECT_EQ(Figures().total_jobs, 1);
  EXPECT_EQ(Do([&](Store& s) { return s.Logs(old.job_id, {}); })->total, 0);
  auto attempts = Do([&](Store& s) { return s.Attempts(old.job_id); });
  EXPECT_EQ((*attempts)[0].outcome, "reset");
  EXPECT_EQ((*attempts)[0].survivors, 4);
}

TEST_P(Transitions, ALateEndFillsWhatItsAttemptStillLacks) {
  AttemptRef ref = Running();
  ASSERT_TRUE(*Do([&](Store& s) { return s.Reset(ref, "too long", false, now_); }));
  AttemptFinal late = Final(ref, "crashed");
  late.signal = 9;
  late.usage = Usage{10, 20, 30, 0};
  EXPECT_FALSE(*Do([&](Store& s) { return s.Fail(late, now_); }));
  auto attempt = Do([&](Store& s) { return s.Attempts(ref.job_id); })->at(0);
  EXPECT_EQ(attempt.outcome, "reset");
  EXPECT_EQ(attempt.signal, 9);
  EXPECT_EQ(attempt.max_rss_kb, 30);
  EXPECT_EQ(attempt.released_at, now_);
  EXPECT_EQ(Look(ref.job_id).error_message, "too long");
}

TEST_P(Transitions, OnceCancelIsRequestedOnlyCancelEndsTheAttempt) {
  AttemptRef ref = Running();
  auto job = Do([&](Store& s) { return s.RequestCancel(ref.job_id, false, now_); });
  EXPECT_EQ(job->status, State::kRunning);
  EXPECT_EQ(job->cancel_requested_at, now_);
  WallTime asked = now_;
  Advance(Millis{5});
  EXPECT_TRUE(Do([&](Store& s) { return s.RequestCancel(ref.job_id, true, now_); })->cancel_forced);
  EXPECT_EQ(Look(ref.job_id).cancel_requested_at, asked);
  EXPECT_FALSE(Complete(ref));
  EXPECT_FALSE(Retry(ref, Millis{0}));
  EXPECT_FALSE(
      *Do([&](Store& s) { return s.Interrupt(Final(ref, "interrupted"), now_, true, now_); }));
  EXPECT_EQ(Look(ref.job_id).status, State::kRunning);
  EXPECT_TRUE(*Do([&](Store& s) { return s.Cancel(Final(ref, "cancelled"), now_); }));
  EXPECT_EQ(Look(ref.job_id).status, State::kCancelled);
}

TEST_P(Transitions, ASlotIsHeldUntilTheTreeIsProvenEmpty) {
  AttemptRef ref = Running();
  ASSERT_TRUE(*Do(
      [&](Store& s) { return s.Retry(Final(ref, "stalled", false), now_, true, false, now_); }));
  EXPECT_EQ(Claim().block, ClaimBlock::kTotalLimit);
  ClaimRequest request;
  request.limits.total = 10;
  EXPECT_EQ(Claim(request).block, ClaimBlock::kNothingDue);
  request.job_id = ref.job_id;
  EXPECT_EQ(Claim(request).block, ClaimBlock::kSlotHeld);
  EXPECT_EQ(Do([&](Store& s) { return s.Delete(ref.job_id); }).error().code, ErrorCode::kConflict);
  EXPECT_EQ(Do([&](Store& s) { return s.Unreleased(std::nullopt, 10); })->size(), 1u);
  EXPECT_TRUE(*Do([&](Store& s) { return s.Release(ref, Usage{}, now_); }));
  EXPECT_EQ(Claim().jobs.size(), 1u);
}

TEST_P(Transitions, RequeueStartsTheCountersAgainAndKeepsTheHistory) {
  AttemptRef ref = Running();
  ASSERT_TRUE(Retry(ref, Millis{0}, true));
  ASSERT_EQ(Claim().jobs.size(), 1u);
  ASSERT_TRUE(Fail({ref.job_id, 2}));
  Advance(Millis{1'000});
  auto job = Do([&](Store& s) { return s.Requeue(ref.job_id, now_); });
  ASSERT_TRUE(job);
  EXPECT_EQ(job->tries_used, 0);
  EXPECT_EQ(job->crashes, 0);
  EXPECT_EQ(job->error_message, std::nullopt);
  EXPECT_EQ(job->completed_at, std::nullopt);
  EXPECT_EQ(job->attempt, 2);
  EXPECT_EQ(Do([&](Store& s) { return s.Attempts(ref.job_id); })->size(), 2u);
  ClaimRequest request;
  request.only_started_before = true;
  EXPECT_TRUE(Claim(request).jobs.empty());
  EXPECT_EQ(Claim().jobs.at(0).attempt, 3);
}

TEST_P(Transitions, ResetWithRequeueNeedsANewRequest) {
  AttemptRef ref = Running();
  ASSERT_TRUE(*Do([&](Store& s) { return s.Reset(ref, "stuck", true, now_); }));
  ASSERT_TRUE(*Do([&](Store& s) { return s.Release(ref, {}, now_); }));
  ClaimRequest request;
  request.only_started_before = true;
  EXPECT_TRUE(Claim(request).jobs.empty());
  EXPECT_EQ(Claim().jobs.size(), 1u);
}

TEST_P(Transitions, InterruptGivesTheAttemptBackNotTheNumber) {
  AttemptRef ref = Running();
  ASSERT_TRUE(
      *Do([&](Store& s) { return s.Interrupt(Final(ref, "interrupted"), now_, true, now_); }));
  Job job = Look(ref.job_id);
  EXPECT_EQ(job.tries_used, 0);
  EXPECT_EQ(job.interruptions, 1);
  EXPECT_EQ(job.attempt, 1);
  ClaimRequest request;
  request.only_started_before = true;
  EXPECT_EQ(Claim(request).jobs.at(0).attempt, 2);
}

TEST_P(Transitions, RecordStoresNewsTogether) {
  AttemptRef ref = Running();
  AttemptNews news{ref, Progress{10.0, "start", {}, {}}, {}, {}, 2, 1, 0, {}, {}};
  news.logs.push_back({0, now_, 1, LogLevel::kWarning, "fetch", "slow", R"({"ms":1})"});
  news.changes.emplace_back();
  news.changes.back().entity_type = "property";
  news.changes.back().is_new_entity = true;
  NewJob child = AJob("builder");
  child.unique_key = "only-one";
  news.child_jobs = {child, child};
  ASSERT_TRUE(*Do([&](Store& s) { return s.Record(news, now_); }));
  AttemptNews more{ref, Progress{{}, {}, "page 2", {}}, {}, {}, 0, 0, 0, {}, {}};
  ASSERT_TRUE(*Do([&](Store& s) { return s.Record(more, now_); }));
  Job job = Look(ref.job_id);
  EXPECT_EQ(job.progress.percent, 10.0);
  EXPECT_EQ(job.progress.stage, "start");
  EXPECT_EQ(job.progress.message, "page 2");
  EXPECT_EQ(job.items_found, 2);
  EXPECT_EQ(job.changes_detected, 1);
  EXPECT_EQ(Figures().total_changes_detected, 1);
  EXPECT_EQ(Figures().pending_jobs, 1) << "the second child has the key of the first";
  auto changes = Do([&](Store& s) { return s.Changes(ref.job_id, 1, 20, {}); });
  ASSERT_EQ(changes->items.size(), 1u);
  EXPECT_EQ(changes->items[0].attempt, 1);
  LogRequest request;
  request.level = LogLevel::kWarning;
  auto logs = Do([&](Store& s) { return s.Logs(ref.job_id, request); });
  ASSERT_EQ(logs->logs.size(), 1u);
  EXPECT_EQ(logs->logs[0].message, "slow");
  JobFilter children;
  ListRequest list = Everything();
  list.filter.parent_job_id = ref.job_id;
  EXPECT_EQ(Do([&](Store& s) { return s.List(list); })->total, 1);
}

TEST_P(Transitions, LogsAreTrimmedToTheirFirstAndLastRows) {
  AttemptRef other = Running();
  AttemptNews news;
  news.ref = other;
  news.logs.push_back({0, now_, 1, LogLevel::kInfo, {}, "another job's", {}});
  ASSERT_TRUE(*Do([&](Store& s) { return s.Record(news, now_); }));
  AttemptRef ref = Running();
  news = {};
  news.ref = ref;
  for (int i = 1; i <= 30; ++i)
    news.logs.push_back({0, now_, 1, LogLevel::kInfo, {}, std::to_string(i), {}});
  news.keep_logs = {2, 3};
  ASSERT_TRUE(*Do([&](Store& s) { return s.Record(news, now_); }));
  auto logs = Do([&](Store& s) { return s.Logs(ref.job_id, LogRequest{}); });
  std::vector<std::string> kept;
  for (const LogLine& line : logs->logs) kept.push_back(line.message);
  EXPECT_EQ(kept, (std::vector<std::string>{"1", "2", "28", "29", "30"}));
  EXPECT_EQ(logs->total, 5);
  news.logs.clear();
  ASSERT_TRUE(*Do([&](Store& s) { return s.Record(news, now_); }));
  EXPECT_EQ(Do([&](Store& s) { return s.Logs(ref.job_id, LogRequest{}); })->total, 5);
  EXPECT_EQ(Do([&](Store& s) { return s.Logs(other.job_id, LogRequest{}); })->total, 1);
}

TEST_P(Transitions, UnreadableEventsAreCountedOnTheJob) {
  AttemptRef ref = Running();
  AttemptNews news;
  news.ref = ref;
  news.unreadable_events = 3;
  ASSERT_TRUE(*Do([&](Store& s) { return s.Record(news, now_); }));
  ASSERT_TRUE(*Do([&](Store& s) { return s.Record(news, now_); }));
  EXPECT_EQ(Do([&](Store& s) { return s.Find(ref.job_id); })->unreadable_events, 6);
}

TEST_P(Transitions, UniqueKeyIsTakenOnlyWhilePendingOrRunning) {
  NewJob job = AJob();
  job.unique_key = "k";
  AttemptRef first = Running(job);
  auto second = Do([&](Store& s) { return s.Submit(job, 5, 100, now_); });
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kConflict);
  EXPECT_THAT(second.error().detail, HasSubstr(first.job_id));
  ASSERT_TRUE(Fail(first));
  Submitted(job);
  EXPECT_EQ(Do([&](Store& s) { return s.Requeue(first.job_id, now_); }).error().code,
            ErrorCode::kConflict);
}

TEST_P(Transitions, SubmitManyIsAllOrNothingAndBounded) {
  std::vector<NewJob> jobs(3, AJob());
  jobs[2].unique_key = "k";
  EXPECT_EQ(Do([&](Store& s) {
              return s.SubmitMany(jobs, {{"property", 7}}, 100, now_);
            })->size(),
            3u);
  EXPECT_EQ(Do([&](Store& s) { return s.SubmitMany(jobs, {}, 100, now_); }).error().code,
            ErrorCode::kConflict);
  jobs.pop_back();
  EXPECT_EQ(Do([&](Store& s) { return s.SubmitMany(jobs, {}, 4, now_); }).error().code,
            ErrorCode::kUnavailable);
  EXPECT_EQ(Figures().pending_jobs, 3);
  EXPECT_EQ(Claim().jobs.at(0).priority, 7);
}

TEST_P(Transitions, OrdersTellWhoIsCancelledOrFenced) {
  AttemptRef goes_on = Running(), cancelled = Running(), reset = Running(),
             deleted{"JOB-1-XXXXXXXXXX", 1};
  ASSERT_TRUE(Do([&](Store& s) { return s.RequestCancel(cancelled.job_id, true, now_); }));
  ASSERT_TRUE(Do([&](Store& s) { return s.Reset(reset, "stuck", true, now_); }));
  std::vector<AttemptRef> live{goes_on, cancelled, reset, deleted};
  auto orders = Do([&](Store& s) { return s.Orders(live); });
  ASSERT_EQ(orders->size(), 3u);
  EXPECT_TRUE((*orders)[0].cancel && (*orders)[0].cancel_forced && !(*orders)[0].fenced);
  EXPECT_TRUE((*orders)[1].fenced);
  EXPECT_TRUE((*orders)[2].fenced);
}

TEST_P(Transitions, WaitsAndStartsMoveWithTheClockAndWhatUsersGaveStays) {
  for (Millis by : {Millis{-7'200'000}, Millis{10LL * 24 * 3'600'000}}) {
    AttemptRef retried = Running();
    WallTime before = now_;
    ASSERT_TRUE(Retry(retried, Millis{2'000}));
    AttemptRef running = Running();
    NewJob planned = AJob();
    planned.run_at = now_ + Millis{60'000};
    std::string later = Submitted(planned);
    now_ += by;
    ASSERT_TRUE(Do([&](Store& s) -> Result<int> {
      auto moved = s.MoveWaits(by, now_);
      if (!moved) return std::unexpected(moved.error());
      return 0;
    }));
    EXPECT_EQ(Look(retried.job_id).run_at, before + by + Millis{2'000});
    EXPECT_EQ(Look(running.job_id).started_at, now_);
    EXPECT_EQ(Look(later).run_at, planned.run_at);
    EXPECT_LT(*Figures().oldest_pending_seconds, 3.0) << "it has waited for a moment";
    auto jump = Do([&](Store& s) { return s.LastClockJump(); });
    ASSERT_TRUE(jump && *jump);
    EXPECT_EQ((*jump)->at, now_);
    EXPECT_EQ((*jump)->by, by);
    Advance(Millis{5'000});
    EXPECT_NEAR(*Figures().oldest_pending_seconds, 5.0, 3.0);
    ASSERT_TRUE(Complete(running));
    EXPECT_EQ(*Look(running.job_id).completed_at - *Look(running.job_id).started_at, Millis{5'000});
    EXPECT_LT(*Figures().average_duration, 6.0);
    ASSERT_TRUE(Do([&](Store& s) { return s.RequestCancel(retried.job_id, false, now_); }));
    ASSERT_TRUE(Do([&](Store& s) { return s.RequestCancel(later, false, now_); }));
  }
}

}  // namespace
}  // namespace forager::store
