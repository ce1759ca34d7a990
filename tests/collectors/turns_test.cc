#include "collectors/turns.h"

#include <gtest/gtest.h>

namespace forager::collectors {
namespace {

Millis TimeOf(OwnPace& pace, const TurnWish& wish) {
  const os::Steady began = os::SystemClock().SteadyNow();
  EXPECT_FALSE(pace(wish));
  return std::chrono::floor<Millis>(os::SystemClock().SteadyNow() - began);
}

TEST(OwnPace, LeavesAGapBetweenRequestsToOneHost) {
  OwnPace pace(Millis{80});
  EXPECT_LT(TimeOf(pace, {"a.example", {}}), Millis{70});
  EXPECT_LT(TimeOf(pace, {"b.example", {}}), Millis{70});
  EXPECT_GE(TimeOf(pace, {"a.example", {}}) + TimeOf(pace, {"a.example", {}}), Millis{90});
}

TEST(OwnPace, AHostMayAskForMoreButNotForLess) {
  OwnPace pace(Millis{60});
  TimeOf(pace, {"a.example", {}});
  EXPECT_GE(TimeOf(pace, {"a.example", Millis{150}}), Millis{120});
  EXPECT_GE(TimeOf(pace, {"a.example", Millis{1}}), Millis{50});
}

}  // namespace
}  // namespace forager::collectors
