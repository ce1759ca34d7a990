#include "engine_fixture.h"

namespace forager::scheduler {
namespace {

using DispatcherTest = EngineTest;

TEST_F(DispatcherTest, StartsNoMoreThanTheLimit) {
  for (int i = 0; i < 10; ++i) Submitted();
  dispatcher_->Wake();
  Until([&] { return supervisor_.started.size() == 4; });
  Ended(supervisor_.started[0].ref, Exited{0}, Good());
  Until([&] { return supervisor_.started.size() == 5; });
}

TEST_F(DispatcherTest, OnRequestStartsOnlyWhatWasStartedBefore) {
  AttemptRef ref = Running();
  OnRequest();
  std::string fresh = Submitted();
  Ended(ref, Signaled{6});
  Until([&] { return supervisor_.started.back().ref == AttemptRef{ref.job_id, 2}; });
  EXPECT_EQ(Find(fresh).status, State::kPending);
}

TEST_F(DispatcherTest, UnknownTypeFailsWithoutAProcess) {
  std::string id = Submitted("invalid");
  dispatcher_->Wake();
  Until([&] { return Find(id).status == State::kFailed; });
  EXPECT_EQ(Find(id).error_message, "Unknown entity type: invalid");
  EXPECT_EQ(Find(id).error_class, "unknown_entity_type");
  EXPECT_TRUE(supervisor_.started.empty());
  EXPECT_TRUE(LastAttempt(id).released_at);
}

TEST_F(DispatcherTest, ClaimsNothingWhileNothingCanBeStarted) {
  supervisor_.can_start = false;
  std::string id = Submitted();
  dispatcher_->Wake();
  EXPECT_EQ(Find(id).status, State::kPending);
  supervisor_.can_start = true;
  Until([&] { return !supervisor_.started.empty(); });
}

TEST_F(DispatcherTest, WhatCouldNotBeStartedGoesBackWithoutATry) {
  AttemptRef ref = Running();
  supervisor_.can_start = false;
  Ended(ref, NotStarted{"fork: Resource temporarily unavailable", true});
  Job job = Find(ref.job_id);
  EXPECT_EQ(job.status, State::kPending);
  EXPECT_EQ(job.tries_used, 0);
  EXPECT_EQ(job.crashes, 0);
}

TEST_F(DispatcherTest, LaunchAfterStopGivesTheJobBack) {
  std::string id = Submitted();
  store::ClaimRequest request;
  request.node = "node-1";
  auto claimed = Ask<store::ClaimResult>(
      [&](store::Store& store) { return store.Claim(request, clock_.Now()); });
  dispatcher_->Stop();
  dispatcher_->Launch(claimed.jobs);
  Until([&] { return Find(id).status == State::kPending; });
  EXPECT_TRUE(supervisor_.started.empty());
}

}  // namespace
}  // namespace forager::scheduler
