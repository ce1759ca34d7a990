// Alerts are told once, in order, and by one server only.
#include <gmock/gmock.h>

#include "tests/store/store_fixture.h"

namespace forager::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Millis kTaken{30'000};

Result<bool> Done(const Result<void>& result) {
  if (!result) return std::unexpected(result.error());
  return true;
}

class Alerts : public StoreTest {
 protected:
  static AlertNotice Stuck(const std::string& key = "stuck") {
    return {key, "stuck", "job_stuck", "node", "critical", "1 job is stuck", "look"};
  }
  RaisedAlert Raised(const std::string& key = "stuck") {
    return *Do([&](Store& s) { return s.RaiseAlert(Stuck(key), now_); });
  }
  std::optional<Alert> Resolved(const std::string& key = "stuck") {
    return *Do([&](Store& s) { return s.ResolveAlert(key, now_); });
  }
  std::int64_t Queued(std::optional<std::int64_t> alert, const std::string& event,
                      const std::string& receiver = "ops", Millis held = Millis{0}) {
    NewAlertMessage message{alert, receiver, event, "{}", now_ + held};
    return *Do([&](Store& s) { return s.QueueMessage(message, now_); });
  }
  std::optional<AlertMessage> Taken(const std::string& receiver = "ops") {
    return *Do([&](Store& s) { return s.TakeMessage(receiver, now_ + kTaken, now_); });
  }
  void Delivered(std::int64_t id) {
    EXPECT_TRUE(Do([&](Store& s) { return Done(s.MessageDelivered(id, now_)); }));
  }
  void Failed(std::int64_t id, std::optional<WallTime> next) {
    EXPECT_TRUE(Do([&](Store& s) { return Done(s.MessageFailed(id, "refused", next, now_)); }));
  }
  AlertMessage Newest() {
    return (*Do([&](Store& s) { return s.AlertMessages(1); })).at(0);
  }
};

TEST_P(Alerts, OneOfAKeyIsOpenAtATimeAndCounts) {
  RaisedAlert first = Raised();
  EXPECT_TRUE(first.fresh);
  Advance(Millis{5'000});
  RaisedAlert again = Raised();
  EXPECT_FALSE(again.fresh);
  EXPECT_EQ(again.alert.id, first.alert.id);
  EXPECT_EQ(again.alert.occurrences, 2);
  EXPECT_EQ(again.last_told_at, first.alert.started_at);
  EXPECT_TRUE(Raised("other").fresh);
  EXPECT_EQ(Do([&](Store& s) { return s.Alerts(true, 10); })->size(), 2u);
}

TEST_P(Alerts, AResolvedOneIsOverAndMayComeAgain) {
  std::int64_t first = Raised().alert.id;
  auto resolved = Resolved();
  ASSERT_TRUE(resolved);
  EXPECT_EQ(resolved->id, first);
  EXPECT_EQ(resolved->resolved_at, now_);
  EXPECT_FALSE(Resolved());
  RaisedAlert again = Raised();
  EXPECT_TRUE(again.fresh);
  EXPECT_NE(again.alert.id, first);
}

TEST_P(Alerts, AMessageIsTakenByOneAndComesBackWhenItsTakerIsLost) {
  std::int64_t id = Queued(Raised().alert.id, "firing");
  EXPECT_FALSE(Taken("other"));
  auto taken = Taken();
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->id, id);
  EXPECT_FALSE(Taken());
  Advance(kTaken);
  EXPECT_EQ(Taken()->id, id);
  Delivered(id);
  Advance(kTaken);
  EXPECT_FALSE(Taken());
  EXPECT_EQ(Newest().state, "delivered");
}

TEST_P(Alerts, MessagesOfOneAlertKeepTheirOrderAndOthersPass) {
  std::int64_t alert = Raised().alert.id;
  std::int64_t firing = Queued(alert, "firing"), resolved = Queued(alert, "resolved");
  Failed(Taken()->id, now_ + Millis{60'000});
  EXPECT_FALSE(Taken()) << "the end would be told before the beginning";
  std::int64_t other = Queued(Raised("other").alert.id, "firing"), test = Queued({}, "test");
  EXPECT_EQ(Taken()->id, other);
  EXPECT_EQ(Taken()->id, test);
  Advance(Millis{60'000});
  EXPECT_EQ(Taken()->id, firing);
  Delivered(firing);
  EXPECT_EQ(Taken()->id, resolved);
}

TEST_P(Alerts, AFailedMessageWaitsOrIsGivenUp) {
  std::int64_t id = Queued({}, "test");
  Taken();
  Failed(id, now_ + Millis{5'000});
  EXPECT_EQ(Newest().tries, 1);
  EXPECT_EQ(Newest().last_error, "refused");
  EXPECT_EQ(*Do([&](Store& s) { return s.MessageDue("ops"); }), now_ + Millis{5'000});
  Failed(id, std::nullopt);
  EXPECT_EQ(Newest().state, "given_up");
  EXPECT_EQ(*Do([&](Store& s) { return s.MessageDue("ops"); }), std::nullopt);
}

TEST_P(Alerts, WhatWasHeldBackAndIsOverIsNeverSent) {
  std::int64_t alert = Raised().alert.id;
  Queued(alert, "firing", "sleeping", Millis{3'600'000});
  std::int64_t told = Queued(alert, "firing", "ops");
  Delivered(Taken()->id);
  auto spared = Do([&](Store& s) { return s.DropHeldMessages(alert, now_); });
  EXPECT_THAT(*spared, ElementsAre("sleeping"));
  EXPECT_THAT(*Do([&](Store& s) { return s.DropHeldMessages(alert, now_); }), IsEmpty());
  Advance(Millis{4'000'000});
  EXPECT_FALSE(Taken("sleeping"));
  EXPECT_EQ(Newest().id, told);
}

TEST_P(Alerts, OldOnesGo) {
  Queued(Raised().alert.id, "firing");
  Resolved();
  Raised("still open");
  Advance(std::chrono::days(40));
  EXPECT_EQ(*Do([&](Store& s) { return s.PruneAlerts(now_ - std::chrono::days(30), 100); }), 2);
  EXPECT_EQ(Do([&](Store& s) { return s.Alerts(false, 10); })->size(), 1u);
}

TEST_P(Alerts, TheLastCompletionIsFoundAmongFailures) {
  EXPECT_EQ(*Do([&](Store& s) { return s.LastCompletion(); }), std::nullopt);
  In(State::kCompleted);
  WallTime done = now_;
  Advance(Millis{1'000});
  In(State::kFailed);
  EXPECT_EQ(*Do([&](Store& s) { return s.LastCompletion(); }), done);
}

FORAGER_ON_BOTH_DRIVERS(Alerts);

}  // namespace
}  // namespace forager::store
