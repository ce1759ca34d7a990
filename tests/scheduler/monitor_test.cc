#include "engine_fixture.h"

namespace forager::scheduler {
namespace {

class MonitorTest : public EngineTest {
 protected:
  std::vector<std::string> Reset(Millis timeout, bool requeue = false) {
    std::optional<std::vector<std::string>> ids;
    monitor_->Reset(timeout, requeue,
                    [&](Result<Monitor::ResetJobs> reset) { ids = reset.value().job_ids; });
    Until([&] { return ids.has_value(); });
    return *ids;
  }
  void RunOnce() {
    bool ran = false;
    monitor_->Start(Millis{3'600'000}, [&] { ran = true; });
    monitor_->RunOnce();
    Until([&] { return ran; });
  }
  // As the real one does: the tree is gone, then it ended.
  void DieWhenStopped() {
    supervisor_.on_stop = [this](const AttemptRef& ref, StopReason reason) {
      loop_->Post([this, ref, reason] {
        AttemptEnd end;
        end.process = Signaled{9};
        end.stop = reason;
        end.usage = Usage{};
        end.released = true;
        supervisor_.Gone(ref);
        recorder_->OnEnded(ref, end);
      });
    };
  }
};

TEST_F(MonitorTest, JobPastItsTimeoutIsFencedThenKilledWithoutGrace) {
  AttemptRef ref = Running();
  DieWhenStopped();
  clock_.Advance(Millis{29 * 60'000});
  RunOnce();
  EXPECT_EQ(Find(ref.job_id).status, State::kRunning);
  clock_.Advance(Millis{60'000});
  RunOnce();
  Job job = Find(ref.job_id);
  EXPECT_EQ(job.status, State::kFailed);
  EXPECT_EQ(job.error_class, "reset");
  EXPECT_EQ(job.error_message,
            "Job timed out after running for more than 30 minutes. It was still working.");
  ASSERT_EQ(supervisor_.stopped.size(), 1u);
  EXPECT_TRUE(supervisor_.stopped[0].force);
  EXPECT_EQ(supervisor_.stopped[0].reason, StopReason::kReset);
}

TEST_F(MonitorTest, JumpOfTheWallClockResetsNoLivingAttempt) {
  AttemptRef ref = Running();
  clock_.JumpWall(Millis{10LL * 3'600'000});
  RunOnce();
  EXPECT_EQ(Find(ref.job_id).status, State::kRunning);
  EXPECT_TRUE(Reset(Millis{30 * 60'000}).empty());
}

TEST_F(MonitorTest, ResetStuckTakesItsMinutesLiterally) {
  AttemptRef ref = Running();
  DieWhenStopped();
  clock_.Advance(Millis{5'000});
  EXPECT_TRUE(Reset(Millis{60'000}).empty());
  EXPECT_EQ(Reset(Millis{0}), std::vector<std::string>{ref.job_id});
  EXPECT_TRUE(
      Find(ref.job_id)
          .error_message->starts_with("Job timed out after running for more than 0 minutes. "));
}

TEST_F(MonitorTest, RequeuePutsBackToPendingWithItsTriesAnew) {
  AttemptRef ref = Running();
  DieWhenStopped();
  OnRequest();
  EXPECT_EQ(Reset(Millis{0}, true).size(), 1u);
  Job job = Find(ref.job_id);
  EXPECT_EQ(job.status, State::kPending);
  EXPECT_EQ(job.tries_used, 0);
  EXPECT_EQ(job.attempt, 1);
}

TEST_F(MonitorTest, CensusCountsRowsWithNothingBehindThem) {
  AttemptRef ref = Running();
  EXPECT_EQ(monitor_->stuck_running(), std::nullopt) << "not counted yet is not 0";
  int counted = 0;
  monitor_->OnCensus([&] { ++counted; });
  monitor_->Census();
  Until([&] { return counted == 1; });
  EXPECT_EQ(monitor_->stuck_running(), 0);
  store::ClaimRequest request;
  request.node = "elsewhere";
  request.limits.total = 9;
  Submitted();
  Ask<store::ClaimResult>([&](store::Store& store) { return store.Claim(request, clock_.Now()); });
  monitor_->Census();
  Until([&] { return counted == 2; });
  EXPECT_EQ(monitor_->stuck_running(), 1);
  EXPECT_TRUE(recorder_->Owns(ref));
  EXPECT_EQ(monitor_->status().last_error, std::nullopt);
  clock_.Advance(Millis{31'000});
  EXPECT_EQ(monitor_->stuck_running(), std::nullopt) << "too old";
  EXPECT_TRUE(monitor_->status().last_error->starts_with("It is not known"));
}

TEST_F(MonitorTest, StartUpGivesBackWhatADeadServerLeft) {
  std::string id = Submitted();
  store::ClaimRequest request;
  request.node = "node-1";
  Ask<store::ClaimResult>([&](store::Store& store) { return store.Claim(request, clock_.Now()); });
  EXPECT_EQ(GiveBackOrphans(*store_, policy_, clock_.Now()).value(), 1);
  Job job = Find(id);
  EXPECT_EQ(job.status, State::kPending);
  EXPECT_EQ(job.tries_used, 0);
  EXPECT_EQ(job.interruptions, 1);
  EXPECT_TRUE(LastAttempt(id).released_at);
  EXPECT_EQ(LastAttempt(id).outcome, "interrupted");
}

TEST_F(MonitorTest, OrdersStopCancelledAndFencedAttempts) {
  AttemptRef cancelled = Running();
  AttemptRef fenced = Running();
  Ask<Job>([&](store::Store& store) {
    return store.RequestCancel(cancelled.job_id, true, clock_.Now());
  });
  Ask<bool>(
      [&](store::Store& store) { return store.Reset(fenced, "by hand", false, clock_.Now()); });
  Orders orders(*loop_, *calls_, supervisor_);
  orders.Check();
  Until([&] { return supervisor_.stopped.size() >= 2; });
  for (const auto& stopped : supervisor_.stopped) {
    EXPECT_EQ(stopped.reason, stopped.ref == fenced ? StopReason::kFenced : StopReason::kCancel);
    EXPECT_TRUE(stopped.force);
  }
}

}  // namespace
}  // namespace forager::scheduler
