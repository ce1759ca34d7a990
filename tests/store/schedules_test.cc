// Schedules: each due time makes its job once, and the rules say when it makes none.
#include <gmock/gmock.h>

#include <future>

#include "tests/store/store_fixture.h"

namespace forager::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Schedules : public StoreTest {
 protected:
  static ScheduleSpec Spec(const std::string& name = "nightly") {
    ScheduleSpec spec;
    spec.name = name;
    spec.cron = "0 * * * *";
    spec.job = R"({"entity_type":"property","job_type":"discovery"})";
    return spec;
  }
  Schedule Made(const ScheduleSpec& spec = Spec()) {
    auto made = Do([&](Store& s) { return s.CreateSchedule(spec, now_, 1'000, now_); });
    EXPECT_TRUE(made) << made.error().detail;
    return made.value_or(Schedule{});
  }
  Schedule Read(std::int64_t id) {
    return Do([&](Store& s) { return s.FindSchedule(std::to_string(id)); }).value();
  }
  // The due time it waits for, run now; the next one is an hour later.
  ScheduleStep StepOf(const Schedule& schedule) {
    ScheduleStep step{schedule, *schedule.next_run_at + std::chrono::hours(1), {}};
    step.dues.push_back({*schedule.next_run_at, false});
    step.job = AJob();
    return step;
  }
  Result<bool> Step(const ScheduleStep& step, std::int64_t max_pending = 1'000) {
    return Do([&](Store& s) { return s.StepSchedule(step, 5, max_pending, now_); });
  }
  // Steps over the next due time; what became of it.
  ScheduleRun Due(std::int64_t id) {
    auto stepped = Step(StepOf(Read(id)));
    EXPECT_TRUE(stepped && *stepped);
    return Runs(id).front();
  }
  std::vector<ScheduleRun> Runs(std::int64_t id, int limit = 100) {
    return Do([&](Store& s) { return s.ScheduleRuns(id, limit); }).value();
  }
};
FORAGER_ON_BOTH_DRIVERS(Schedules);

TEST_P(Schedules, WhatIsMadeIsRead) {
  ScheduleSpec spec = Spec();
  spec.time_zone = "Europe/Berlin";
  spec.overlap = Overlap::kCancelOld;
  spec.missed = Missed::kAll;
  spec.max_catch_up = 7;
  Schedule made = Made(spec);
  Schedule read = Read(made.id);
  EXPECT_EQ(read.spec.name, "nightly");
  EXPECT_EQ(read.spec.cron, "0 * * * *");
  EXPECT_FALSE(read.spec.run_at);
  EXPECT_EQ(read.spec.time_zone, "Europe/Berlin");
  EXPECT_EQ(read.spec.overlap, Overlap::kCancelOld);
  EXPECT_EQ(read.spec.missed, Missed::kAll);
  EXPECT_EQ(read.spec.max_catch_up, 7);
  EXPECT_EQ(read.spec.job, spec.job);
  EXPECT_EQ(read.next_run_at, now_);
  EXPECT_EQ(read.created_at, now_);
  auto by_name = Do([&](Store& s) { return s.FindSchedule("nightly"); });
  ASSERT_TRUE(by_name);
  EXPECT_EQ(by_name->id, made.id);
  EXPECT_EQ(Do([&](Store& s) { return s.FindSchedule("other"); }).error().code,
            ErrorCode::kNotFound);
}

TEST_P(Schedules, ANameIsTakenOnceAndTheirNumberIsBounded) {
  Schedule first = Made();
  EXPECT_EQ(Do([&](Store& s) { return s.CreateSchedule(Spec(), now_, 10, now_); }).error().code,
            ErrorCode::kConflict);
  Schedule second = Made(Spec("weekly"));
  auto third = Do([&](Store& s) { return s.CreateSchedule(Spec("third"), now_, 2, now_); });
  EXPECT_EQ(third.error().code, ErrorCode::kConflict);
  auto renamed =
      Do([&](Store& s) { return s.ChangeSchedule(second, Spec("nightly"), now_, now_); });
  EXPECT_EQ(renamed.error().code, ErrorCode::kConflict);
  auto listed = Do([&](Store& s) { return s.Schedules(1, 1); });
  ASSERT_TRUE(listed);
  EXPECT_EQ(listed->total, 2);
  ASSERT_EQ(listed->items.size(), 1u);
  EXPECT_EQ(listed->items[0].spec.name, "nightly");
}

TEST_P(Schedules, ADueTimeMakesOneJobAndTheScheduleGoesOn) {
  Schedule schedule = Made();
  ScheduleStep step = StepOf(schedule);
  ASSERT_TRUE(Step(step).value());
  auto runs = Runs(schedule.id);
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(runs[0].due_at, now_);
  EXPECT_EQ(runs[0].kind, "due");
  EXPECT_EQ(runs[0].result, "submitted");
  Job job = Look(*runs[0].job_id);
  EXPECT_EQ(job.initiated_by, "schedule:nightly");
  EXPECT_EQ(job.run_at, now_);
  EXPECT_EQ(job.status, State::kPending);
  Schedule after = Read(schedule.id);
  EXPECT_EQ(after.next_run_at, now_ + std::chrono::hours(1));
  EXPECT_EQ(after.last_due_at, now_);
  EXPECT_EQ(after.last_job_id, job.job_id);
  EXPECT_EQ(after.last_result, "submitted");
  EXPECT_EQ(after.submitted, 1);
  EXPECT_EQ(after.active_jobs, 1);
}

TEST_P(Schedules, TheSameDueTimeIsTakenOnlyOnce) {
  Schedule schedule = Made();
  ScheduleStep step = StepOf(schedule);
  EXPECT_TRUE(Step(step).value());
  EXPECT_FALSE(Step(step).value());  // another server with the same reading
  EXPECT_EQ(Figures().pending_jobs, 1);
  EXPECT_EQ(Runs(schedule.id).size(), 1u);
}

TEST_P(Schedules, TwoServersOnOneDatabaseMakeOneJobPerDueTime) {
  auto other = StoreService::Open(options_);
  ASSERT_TRUE(other);
  Schedule schedule = Made();
  int taken = 0;
  for (int i = 0; i < 20; ++i) {
    ScheduleStep step = StepOf(Read(schedule.id));
    step.schedule.spec.overlap = Overlap::kQueue;
    for (StoreService* service : {service_.get(), other->get()}) {
      bool took = false;
      auto done = service->WriteAndWait([&](Store& s) -> Result<void> {
        auto stepped = s.StepSchedule(step, 5, 1'000, now_);
        if (!stepped) return std::unexpected(stepped.error());
        took = *stepped;
        return {};
      });
      EXPECT_TRUE(done);
      taken += took;
    }
  }
  EXPECT_EQ(taken, 20);
  EXPECT_EQ(Figures().pending_jobs, 20);
}

TEST_P(Schedules, AStepOfAChangedOrPausedScheduleDoesNothing) {
  Schedule schedule = Made();
  ScheduleStep step = StepOf(schedule);
  ScheduleSpec paused = schedule.spec;
  paused.paused = true;
  Schedule changed =
      Do([&](Store& s) { return s.ChangeSchedule(schedule, paused, now_, now_); }).value();
  EXPECT_FALSE(Step(step).value());
  EXPECT_FALSE(Step(StepOf(changed)).value());
  EXPECT_EQ(Figures().pending_jobs, 0);
  EXPECT_TRUE(Do([&](Store& s) { return s.DueSchedules(now_, 10); })->empty());
}

TEST_P(Schedules, AChangeFromAnOldReadingIsRefused) {
  Schedule schedule = Made();
  Due(schedule.id);
  auto late = Do([&](Store& s) { return s.ChangeSchedule(schedule, Spec(), now_, now_); });
  EXPECT_EQ(late.error().code, ErrorCode::kConflict);
}

TEST_P(Schedules, AFailedSubmissionLeavesTheDueTimeToTheNextPass) {
  Schedule schedule = Made();
  Submitted();
  auto full = Step(StepOf(schedule), 1);
  EXPECT_EQ(full.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(Read(schedule.id).next_run_at, now_);
  EXPECT_TRUE(Runs(schedule.id).empty());
  EXPECT_TRUE(Step(StepOf(schedule), 2).value());
}

// The unit that finds no room changed nothing, so nobody else's has to run again.
TEST_P(Schedules, WhatFindsNoRoomDoesNotHurtOtherWrites) {
  Schedule schedule = Made();
  int runs = 0;
  std::promise<void> all, over;
  std::future<void> queued = all.get_future();
  service_->Write(
      [&](Store&) -> Result<void> {
        queued.wait_for(std::chrono::seconds(10));
        return {};
      },
      [](const Result<void>&) {});
  service_->Write(
      [&](Store& s) -> Result<void> {
        ++runs;
        return s.SetFact("x", "y");
      },
      [](const Result<void>&) {});
  service_->Write(
      [&](Store& s) -> Result<void> {
        auto stepped = s.StepSchedule(StepOf(schedule), 5, 0, now_);
        return stepped ? Result<void>{} : std::unexpected(stepped.error());
      },
      [&](const Result<void>& stepped) {
        EXPECT_FALSE(stepped);
        over.set_value();
      });
  all.set_value();
  ASSERT_EQ(over.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
  EXPECT_EQ(runs, 1);
}

TEST_P(Schedules, OfManyDueTimesThoseWaitThatFindNoRoom) {
  Schedule schedule = Made();
  ScheduleStep step = StepOf(schedule);
  WallTime third = now_ + std::chrono::hours(2);
  step.dues = {{now_, true}, {now_ + std::chrono::hours(1), true}, {third, false}};
  step.next = third + std::chrono::hours(1);
  ASSERT_TRUE(Step(step, 2).value());
  EXPECT_EQ(Figures().pending_jobs, 2);
  Schedule after = Read(schedule.id);
  EXPECT_EQ(after.next_run_at, third);
  EXPECT_EQ(after.last_due_at, now_ + std::chrono::hours(1));
}

TEST_P(Schedules, ItsJobStartsByItselfAlsoOnRequest) {
  Schedule schedule = Made();
  Submitted();
  ScheduleRun run = Due(schedule.id);
  ClaimRequest request;
  request.only_started_before = true;
  request.count = 5;
  request.limits.total = 5;
  ClaimResult claimed = Claim(request);
  ASSERT_EQ(claimed.jobs.size(), 1u);
  EXPECT_EQ(claimed.jobs[0].job_id, run.job_id);
}

TEST_P(Schedules, SkipMakesNoJobWhileAnEarlierOneIsNotOver) {
  Schedule schedule = Made();
  ScheduleRun first = Due(schedule.id);
  ScheduleRun second = Due(schedule.id);
  EXPECT_EQ(second.result, "skipped");
  EXPECT_FALSE(second.job_id);
  EXPECT_EQ(second.message, *first.job_id + " of an earlier run is not over.");
  ClaimRequest request;
  request.job_id = first.job_id;
  AttemptRef ref{*first.job_id, Claim(request).jobs.at(0).attempt};
  EXPECT_EQ(Due(schedule.id).result, "skipped");  // running
  Retry(ref, Millis(60'000));
  EXPECT_EQ(Due(schedule.id).result, "skipped");  // waits for its next try
  Do([&](Store& s) { return s.RequestCancel(*first.job_id, false, now_); }).value();
  EXPECT_EQ(Due(schedule.id).result, "submitted");
  Schedule after = Read(schedule.id);
  EXPECT_EQ(after.submitted, 2);
  EXPECT_EQ(after.skipped, 3);
}

TEST_P(Schedules, AJobThatOnlyClaimsToBeOfTheScheduleDoesNotHoldItUp) {
  Schedule schedule = Made();
  NewJob job = AJob();
  job.initiated_by = "schedule:nightly";
  Submitted(job);
  EXPECT_EQ(Due(schedule.id).result, "submitted");
}

TEST_P(Schedules, QueueLetsThemWaitUpToAHundred) {
  ScheduleSpec spec = Spec();
  spec.overlap = Overlap::kQueue;
  Schedule schedule = Made(spec);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(Due(schedule.id).result, "submitted");
  ScheduleRun over = Due(schedule.id);
  EXPECT_EQ(over.result, "skipped");
  EXPECT_EQ(over.message, "100 jobs of this schedule wait already.");
  EXPECT_EQ(Figures().pending_jobs, 100);
}

TEST_P(Schedules, CancelOldCancelsThePendingAndTheRunningJob) {
  ScheduleSpec spec = Spec();
  spec.overlap = Overlap::kQueue;
  Schedule schedule = Made(spec);
  ScheduleRun running = Due(schedule.id), pending = Due(schedule.id);
  ClaimRequest request;
  request.job_id = running.job_id;
  ASSERT_EQ(Claim(request).jobs.size(), 1u);
  spec.overlap = Overlap::kCancelOld;
  Schedule known = Read(schedule.id);
  Do([&](Store& s) { return s.ChangeSchedule(known, spec, known.next_run_at, now_); }).value();
  ScheduleRun newest = Due(schedule.id);
  EXPECT_EQ(newest.result, "submitted");
  EXPECT_EQ(Look(*pending.job_id).status, State::kCancelled);
  EXPECT_TRUE(Look(*running.job_id).cancel_requested_at);
  EXPECT_EQ(Look(*newest.job_id).status, State::kPending);
}

TEST_P(Schedules, RunsMadeGoodTogetherDoNotCountAgainstEachOther) {
  for (Overlap overlap : {Overlap::kSkip, Overlap::kCancelOld}) {
    ScheduleSpec spec = Spec(std::string(Name(overlap)));
    spec.overlap = overlap;
    Schedule schedule = Made(spec);
    ScheduleStep step = StepOf(schedule);
    step.dues = {
        {now_ - std::chrono::hours(2), true}, {now_ - std::chrono::hours(1), true}, {now_, false}};
    step.missed = 4;
    step.newest_missed = now_ - std::chrono::hours(3);
    step.missed_words = "4 due times passed";
    ASSERT_TRUE(Step(step).value());
    auto runs = Runs(schedule.id);
    ASSERT_EQ(runs.size(), 4u);
    EXPECT_EQ(runs[0].kind, "due");
    EXPECT_EQ(runs[1].kind, "catch_up");
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(runs[i].result, "submitted");
      EXPECT_EQ(Look(*runs[i].job_id).status, State::kPending);
      EXPECT_EQ(Look(*runs[i].job_id).run_at, runs[i].due_at);
    }
    EXPECT_EQ(runs[3].result, "missed");
    EXPECT_EQ(runs[3].message, "4 due times passed");
    Schedule after = Read(schedule.id);
    EXPECT_EQ(after.missed_runs, 4);
    EXPECT_EQ(after.submitted, 3);
    EXPECT_EQ(after.last_due_at, now_);
  }
}

TEST_P(Schedules, MissedTimesAloneMoveTheScheduleOn) {
  Schedule schedule = Made();
  ScheduleStep step = StepOf(schedule);
  step.dues.clear();
  step.missed = 2;
  step.newest_missed = now_;
  ASSERT_TRUE(Step(step).value());
  Schedule after = Read(schedule.id);
  EXPECT_EQ(after.last_result, "missed");
  EXPECT_EQ(after.last_due_at, now_);
  EXPECT_EQ(after.next_run_at, now_ + std::chrono::hours(1));
  EXPECT_EQ(Figures().total_jobs, 0);
}

TEST_P(Schedules, AOneOffEnds) {
  Schedule schedule = Made();
  ScheduleStep step = StepOf(schedule);
  step.next.reset();
  ASSERT_TRUE(Step(step).value());
  EXPECT_FALSE(Read(schedule.id).next_run_at);
  Advance(std::chrono::hours(100));
  EXPECT_TRUE(Do([&](Store& s) { return s.DueSchedules(now_, 10); })->empty());
}

TEST_P(Schedules, AJobThatCannotBeMadeIsASkippedRun) {
  Schedule schedule = Made();
  ScheduleStep step = StepOf(schedule);
  step.job.reset();
  step.refusal = "Its job is not valid.";
  ASSERT_TRUE(Step(step).value());
  EXPECT_EQ(Runs(schedule.id)[0].result, "skipped");
  EXPECT_EQ(Runs(schedule.id)[0].message, "Its job is not valid.");
}

TEST_P(Schedules, AUniqueKeyHeldByAnotherJobSkipsTheRun) {
  NewJob holder = AJob();
  holder.unique_key = "k";
  std::string id = Submitted(holder);
  Schedule schedule = Made();
  ScheduleStep step = StepOf(schedule);
  step.job->unique_key = "k";
  ASSERT_TRUE(Step(step).value());
  EXPECT_EQ(Runs(schedule.id)[0].message, id + " with its unique_key is pending or running.");
}

TEST_P(Schedules, RunNowIsBesideTheDueTimesAndTheOverlapRule) {
  Schedule schedule = Made();
  Due(schedule.id);
  auto run = [&] {
    Schedule known = Read(schedule.id);
    return Do([&](Store& s) { return s.RunScheduleNow(known, AJob(), 5, 1'000, now_); });
  };
  auto job = run();
  ASSERT_TRUE(job) << job.error().detail;
  EXPECT_EQ(job->initiated_by, "schedule:nightly");
  EXPECT_EQ(Runs(schedule.id)[0].kind, "manual");
  EXPECT_EQ(Read(schedule.id).next_run_at, now_ + std::chrono::hours(1));
  EXPECT_EQ(Read(schedule.id).submitted, 2);
  for (int i = 2; i < 100; ++i) ASSERT_TRUE(run());
  EXPECT_EQ(run().error().code, ErrorCode::kConflict);  // a hundred wait
}

TEST_P(Schedules, DueOnesComeLongestDueFirstAndTheNextIsKnown) {
  Made(Spec("a"));
  ScheduleSpec paused = Spec("paused");
  paused.paused = true;
  Do([&](Store& s) { return s.CreateSchedule(paused, now_ - Millis(9), 10, now_); }).value();
  Do([&](Store& s) { return s.CreateSchedule(Spec("b"), now_ - Millis(5), 10, now_); }).value();
  Do([&](Store& s) { return s.CreateSchedule(Spec("c"), now_ + Millis(1), 10, now_); }).value();
  auto due = Do([&](Store& s) { return s.DueSchedules(now_, 10); }).value();
  ASSERT_EQ(due.size(), 2u);
  EXPECT_EQ(due[0].spec.name, "b");
  EXPECT_EQ(due[1].spec.name, "a");
  EXPECT_EQ(Do([&](Store& s) { return s.NextScheduleDue(); }).value(), now_ - Millis(5));
}

TEST_P(Schedules, OnlyTheNewestRunsAreKeptAndThoseThatStillCount) {
  Schedule schedule = Made();
  ScheduleRun first = Due(schedule.id);  // pending for ever: every later one is skipped
  for (int i = 0; i < 250; ++i) Due(schedule.id);
  auto runs = Runs(schedule.id, 1'000);
  EXPECT_EQ(runs.size(), 201u);
  EXPECT_EQ(runs.back().job_id, first.job_id);
  EXPECT_EQ(Read(schedule.id).skipped, 250);
}

TEST_P(Schedules, DeletingOneLeavesItsJobs) {
  Schedule schedule = Made();
  ScheduleRun run = Due(schedule.id);
  ASSERT_TRUE(service_->WriteAndWait([&](Store& s) { return s.DeleteSchedule(schedule); }));
  EXPECT_EQ(Do([&](Store& s) { return s.FindSchedule("nightly"); }).error().code,
            ErrorCode::kNotFound);
  EXPECT_TRUE(Runs(schedule.id).empty());
  EXPECT_EQ(Look(*run.job_id).status, State::kPending);
}

TEST_P(Schedules, ADueTimeSetByHandIsTakenInAnyForm) {
  Schedule schedule = Made();
  Due(schedule.id);
  Shell shell(options_);
  shell.Run("UPDATE collection_schedules SET next_run_at = '2026-01-01T00:00:00Z'");
  EXPECT_EQ(Read(schedule.id).next_run_at, ParseRfc3339("2026-01-01T00:00:00Z"));
  EXPECT_EQ(Due(schedule.id).result, "skipped");
  // Set back to a time that was decided: nothing runs twice.
  shell.Run("UPDATE collection_schedules SET next_run_at = '2026-01-01 00:00:00'");
  ScheduleStep step = StepOf(Read(schedule.id));
  ASSERT_TRUE(Step(step).value());
  EXPECT_EQ(Runs(schedule.id).size(), 2u);
  if (!OnSqlite()) return;
  EXPECT_EQ(shell.Try("PRAGMA recursive_triggers = 1; UPDATE collection_schedules SET "
                      "next_run_at = 'soon', run_at = '2026-01-01T00:00:00'"),
            "");
}

TEST_P(Schedules, CommittedNamesTheSchedule) {
  std::vector<std::string> names;
  bool deleted = false, requested = false;
  service_->OnCommit([&](const Committed& committed) {
    for (const auto& changed : committed.schedules) {
      names.push_back(changed.name);
      deleted |= changed.deleted;
    }
    requested |= committed.requested;
  });
  Schedule schedule = Made();
  Due(schedule.id);
  ASSERT_TRUE(service_->WriteAndWait([&](Store& s) { return s.DeleteSchedule(schedule); }));
  service_.reset();
  EXPECT_THAT(names, ElementsAre("nightly", "nightly", "nightly"));
  EXPECT_TRUE(deleted && requested);
}

}  // namespace
}  // namespace forager::store
