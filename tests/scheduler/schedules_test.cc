// The pass that submits what is due: the missed rules, jumps of the clock, a crash between reading
// and writing, the database away.
#include "scheduler/schedules.h"

#include <gmock/gmock.h>
#include <sqlite3.h>

#include "engine_fixture.h"
#include "scheduler/schedule_plan.h"

namespace forager::scheduler {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

// Another program that holds the write lock.
class DatabaseHeld {
 public:
  explicit DatabaseHeld(const std::string& path) {
    EXPECT_EQ(sqlite3_open(path.c_str(), &shell_), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(shell_, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  }
  ~DatabaseHeld() { sqlite3_close(shell_); }

 private:
  sqlite3* shell_ = nullptr;
};

class SchedulesTest : public EngineTest {
 protected:
  SchedulesTest() {
    schedules_ = std::make_unique<Schedules>(
        *loop_, clock_, *calls_, [this]() -> const Policy& { return dispatcher_->policy(); },
        [this] { return max_pending_; });
  }

  static ScheduleSpec Hourly(Missed missed = Missed::kOnce, const std::string& name = "hourly") {
    ScheduleSpec spec;
    spec.name = name;
    spec.cron = "0 * * * *";
    spec.overlap = Overlap::kQueue;
    spec.missed = missed;
    spec.job = R"({"entity_type":"community","job_type":"discovery"})";
    return spec;
  }
  // The clock stands at 10:00:00; the next due time is 11:00.
  std::int64_t Made(const ScheduleSpec& spec) {
    WallTime next = clock_.Now() + hours(1);
    return Ask<Schedule>(
               [&](store::Store& s) { return s.CreateSchedule(spec, next, 100, clock_.Now()); })
        .id;
  }
  Schedule Read(std::int64_t id) {
    return Ask<Schedule>([&](store::Store& s) { return s.FindSchedule(std::to_string(id)); });
  }
  std::vector<ScheduleRun> Runs(std::int64_t id) {
    return Ask<std::vector<ScheduleRun>>([&](store::Store& s) { return s.ScheduleRuns(id, 200); });
  }
  // What the runs were, oldest first: "11:00 due submitted".
  std::vector<std::string> Told(std::int64_t id) {
    std::vector<std::string> told;
    auto runs = Runs(id);
    for (auto run = runs.rbegin(); run != runs.rend(); ++run)
      told.push_back(FormatRfc3339(run->due_at).substr(11, 5) + " " + run->kind + " " +
                     run->result);
    return told;
  }
  void RunOnce() {
    schedules_->RunOnce();
    Until([&] { return schedules_->idle(); });
  }
  std::int64_t Pending() {
    return Ask<store::Stats>([&](store::Store& s) { return s.GetStats(clock_.Now()); })
        .pending_jobs;
  }

  std::int64_t max_pending_ = 1'000;
  std::unique_ptr<Schedules> schedules_;
};

TEST_F(SchedulesTest, NothingHappensBeforeItsTime) {
  std::int64_t id = Made(Hourly());
  clock_.Advance(hours(1) - Millis(1));
  RunOnce();
  EXPECT_TRUE(Runs(id).empty());
  clock_.Advance(Millis(1));
  RunOnce();
  EXPECT_THAT(Told(id), testing::ElementsAre("11:00 due submitted"));
  RunOnce();
  EXPECT_EQ(Pending(), 1);
  EXPECT_EQ(Read(id).next_run_at, ParseRfc3339("2026-11-23T12:00:00Z"));
  Job job = Find(*Runs(id)[0].job_id);
  EXPECT_EQ(job.initiated_by, "schedule:hourly");
  EXPECT_EQ(job.run_at, ParseRfc3339("2026-11-23T11:00:00Z"));
  EXPECT_EQ(job.priority, Types()->Get("community").priority);
}

TEST_F(SchedulesTest, ADueTimeIsOnTimeForAMinute) {
  std::int64_t id = Made(Hourly(Missed::kNone));
  clock_.Advance(hours(1) + seconds(59));
  RunOnce();
  EXPECT_THAT(Told(id), testing::ElementsAre("11:00 due submitted"));
  clock_.Advance(hours(1) + seconds(1));  // 12:01:00
  RunOnce();
  EXPECT_THAT(Told(id), testing::ElementsAre("11:00 due submitted", "12:00 catch_up missed"));
}

TEST_F(SchedulesTest, MissedNoneMakesNothingGood) {
  std::int64_t id = Made(Hourly(Missed::kNone));
  clock_.Advance(hours(5) + minutes(30));
  RunOnce();
  EXPECT_THAT(Told(id), testing::ElementsAre("15:00 catch_up missed"));
  EXPECT_EQ(Runs(id)[0].message, "5 due times were missed.");
  EXPECT_EQ(Read(id).missed_runs, 5);
  EXPECT_EQ(Read(id).next_run_at, ParseRfc3339("2026-11-23T16:00:00Z"));
  EXPECT_EQ(Pending(), 0);
}

TEST_F(SchedulesTest, MissedNoneRunsWhatIsDueJustNow) {
  std::int64_t id = Made(Hourly(Missed::kNone));
  clock_.Advance(hours(5));
  RunOnce();
  EXPECT_THAT(Told(id), testing::ElementsAre("14:00 catch_up missed", "15:00 due submitted"));
  EXPECT_EQ(Read(id).missed_runs, 4);
}

TEST_F(SchedulesTest, MissedOnceRunsTheNewest) {
  std::int64_t id = Made(Hourly(Missed::kOnce));
  clock_.Advance(hours(5) + minutes(30));
  RunOnce();
  EXPECT_THAT(Told(id), testing::ElementsAre("14:00 catch_up missed", "15:00 catch_up submitted"));
  EXPECT_EQ(Read(id).missed_runs, 4);
  EXPECT_EQ(Pending(), 1);
}

TEST_F(SchedulesTest, MissedAllRunsTheNewestUpToItsBoundOldestFirst) {
  ScheduleSpec spec = Hourly(Missed::kAll);
  spec.max_catch_up = 3;
  std::int64_t id = Made(spec);
  clock_.Advance(hours(5));
  RunOnce();
  EXPECT_THAT(Told(id), testing::ElementsAre("12:00 catch_up missed", "13:00 catch_up submitted",
                                             "14:00 catch_up submitted", "15:00 due submitted"));
  EXPECT_EQ(Read(id).missed_runs, 2);
  EXPECT_EQ(Pending(), 3);
}

TEST_F(SchedulesTest, AYearOfMissedMinutesIsBounded) {
  ScheduleSpec spec = Hourly(Missed::kAll, "minutely");
  spec.cron = "* * * * *";
  spec.max_catch_up = 100;
  std::int64_t id = Made(spec);
  clock_.Advance(hours(24 * 366));
  RunOnce();
  EXPECT_EQ(Pending(), 100);
  EXPECT_EQ(Read(id).missed_runs, 9'900);
  EXPECT_EQ(Runs(id).back().message, "Some ten thousand due times or more were missed.");
  RunOnce();
  EXPECT_EQ(Pending(), 100);
}

TEST_F(SchedulesTest, AClockSetBackRunsNothingTwice) {
  std::int64_t id = Made(Hourly());
  clock_.Advance(hours(1));
  RunOnce();
  clock_.JumpWall(-minutes(30));
  for (int i = 0; i < 40; ++i) {
    clock_.Advance(minutes(1));
    RunOnce();
  }
  EXPECT_THAT(Told(id), testing::ElementsAre("11:00 due submitted"));
  clock_.Advance(minutes(50));
  RunOnce();
  EXPECT_THAT(Told(id), testing::ElementsAre("11:00 due submitted", "12:00 due submitted"));
}

TEST_F(SchedulesTest, AClockThatJumpsAheadHasMissedWhatItJumpedOver) {
  std::int64_t id = Made(Hourly());
  clock_.JumpWall(hours(3) + minutes(5));
  RunOnce();
  EXPECT_THAT(Told(id), testing::ElementsAre("12:00 catch_up missed", "13:00 catch_up submitted"));
}

TEST_F(SchedulesTest, AOneOffRunsOnceAndEnds) {
  ScheduleSpec spec = Hourly();
  spec.cron.reset();
  spec.run_at = clock_.Now() + hours(1);
  std::int64_t id = Made(spec);
  clock_.Advance(hours(2));
  RunOnce();
  RunOnce();
  EXPECT_THAT(Told(id), testing::ElementsAre("11:00 catch_up submitted"));
  EXPECT_FALSE(Read(id).next_run_at);
}

TEST_F(SchedulesTest, AMissedOneOffThatMakesNothingGoodEndsToo) {
  ScheduleSpec spec = Hourly(Missed::kNone);
  spec.cron.reset();
  spec.run_at = clock_.Now() + hours(1);
  std::int64_t id = Made(spec);
  clock_.Advance(hours(2));
  RunOnce();
  EXPECT_THAT(Told(id), testing::ElementsAre("11:00 catch_up missed"));
  EXPECT_FALSE(Read(id).next_run_at);
}

TEST_F(SchedulesTest, ACrashBetweenPlanAndStoreLosesAndDoublesNothing) {
  std::int64_t id = Made(Hourly());
  clock_.Advance(hours(1));
  // The server read and planned, and died; the next one does it all again; then a ghost of the
  // first writes what it planned.
  store::ScheduleStep ghost = PlanStep(Read(id), clock_.Now());
  RunOnce();
  EXPECT_FALSE(
      Ask<bool>([&](store::Store& s) { return s.StepSchedule(ghost, 5, 1'000, clock_.Now()); }));
  EXPECT_EQ(Pending(), 1);
}

TEST_F(SchedulesTest, TwoPassesAtOnceSubmitOnce) {
  std::int64_t id = Made(Hourly());
  Schedules other(
      *loop_, clock_, *calls_, [this]() -> const Policy& { return dispatcher_->policy(); },
      [this] { return max_pending_; });
  for (int i = 0; i < 30; ++i) {
    clock_.Advance(hours(1));
    schedules_->RunOnce();
    other.RunOnce();
    Until([&] { return schedules_->idle() && other.idle(); });
  }
  EXPECT_EQ(Runs(id).size(), 30u);
  EXPECT_EQ(Pending(), 30);
}

TEST_F(SchedulesTest, WhenNothingMoreMayWaitTheRunComesLater) {
  std::int64_t id = Made(Hourly());
  Submitted();
  max_pending_ = 1;
  clock_.Advance(hours(1));
  RunOnce();
  EXPECT_TRUE(Runs(id).empty());
  max_pending_ = 2;
  clock_.Advance(seconds(20));
  RunOnce();
  EXPECT_THAT(Told(id), testing::ElementsAre("11:00 due submitted"));
}

TEST_F(SchedulesTest, AnUnreadableScheduleIsSkippedAndHoldsUpNoOther) {
  ScheduleSpec broken = Hourly(Missed::kOnce, "broken");
  broken.cron = "not a cron";
  ScheduleSpec bad_job = Hourly(Missed::kOnce, "bad_job");
  bad_job.job = R"({"entity_type":"community"})";
  std::int64_t first = Made(broken), second = Made(bad_job), third = Made(Hourly());
  clock_.Advance(hours(1));
  RunOnce();
  EXPECT_EQ(Runs(first)[0].result, "skipped");
  EXPECT_THAT(*Runs(first)[0].message, testing::StartsWith("It has no times any more: cron"));
  EXPECT_FALSE(Read(first).next_run_at);
  EXPECT_EQ(Runs(second)[0].message, "Its job is not valid: job_type is required");
  EXPECT_TRUE(Read(second).next_run_at);
  EXPECT_EQ(Runs(third)[0].result, "submitted");
}

TEST_F(SchedulesTest, ALockedDatabaseDelaysARunAndLosesNone) {
  std::int64_t id = Made(Hourly());
  clock_.Advance(hours(1));
  {
    DatabaseHeld held(dir_ + "/forager.db");
    RunOnce();
  }
  EXPECT_TRUE(Runs(id).empty());
  RunOnce();
  EXPECT_THAT(Told(id), testing::ElementsAre("11:00 due submitted"));
}

TEST_F(SchedulesTest, StartedItLooksByItselfAndWhenWoken) {
  schedules_->Start();
  std::int64_t id = Made(Hourly());
  clock_.Advance(hours(1));
  schedules_->Wake();
  Until([&] { return !Runs(id).empty(); });
  clock_.Advance(hours(1));  // nobody wakes it: it looks each second
  Until([&] { return Runs(id).size() == 2; });
  schedules_->Stop();
  Until([&] { return schedules_->idle(); });
}

TEST(PlanStep, AcrossAClockChangeTheNextTimeIsTheZones) {
  Schedule schedule;
  schedule.spec.cron = "30 2 * * *";
  schedule.spec.time_zone = "Europe/Berlin";
  schedule.spec.job = R"({"entity_type":"community","job_type":"discovery"})";
  schedule.next_run_at = ParseRfc3339("2027-03-27T01:30:00Z");
  auto step = PlanStep(schedule, *schedule.next_run_at);
  EXPECT_EQ(step.next, ParseRfc3339("2027-03-28T01:00:00Z"));
  schedule.next_run_at = step.next;
  step = PlanStep(schedule, *schedule.next_run_at);
  EXPECT_EQ(step.dues.at(0).at, ParseRfc3339("2027-03-28T01:00:00Z"));
  EXPECT_EQ(step.next, ParseRfc3339("2027-03-29T00:30:00Z"));
}

}  // namespace
}  // namespace forager::scheduler
