#include "supervisor/stop_schedule.h"

#include <gtest/gtest.h>

#include <string>

namespace forager::supervisor {
namespace {

using Step = StopSchedule::Step;

// Every step that is due at each moment, as a word.
std::string StepsAt(StopSchedule& schedule, os::Steady now) {
  std::string steps;
  for (Step step; (step = schedule.Next(now)) != Step::kNothing;) {
    steps += " tkdUQ"[static_cast<int>(step)];
  }
  return steps;
}

const os::Steady kStart{Millis(1'000'000)};

TEST(StopSchedule, AsksThenKillsThenGoesOnUntilItIsEmpty) {
  StopSchedule schedule;
  EXPECT_EQ(StepsAt(schedule, kStart), "");
  schedule.Begin(kStart, Millis(10'000), false);
  EXPECT_EQ(StepsAt(schedule, kStart), "t");
  EXPECT_EQ(*schedule.Due(), kStart + Millis(10'000));
  EXPECT_EQ(StepsAt(schedule, kStart + Millis(9'999)), "");
  EXPECT_EQ(StepsAt(schedule, kStart + Millis(10'000)), "k");
  EXPECT_EQ(StepsAt(schedule, kStart + Millis(10'200)), "d");
  EXPECT_EQ(StepsAt(schedule, kStart + Millis(10'500)), "U");
  EXPECT_EQ(StepsAt(schedule, kStart + Millis(11'200)), "d");
  EXPECT_EQ(StepsAt(schedule, kStart + Millis(12'200)), "d");
  EXPECT_EQ(StepsAt(schedule, kStart + Millis(40'000)), "dQ");
  EXPECT_EQ(StepsAt(schedule, kStart + Millis(41'000)), "d");
}

TEST(StopSchedule, AForcedOrderKillsAtOnce) {
  StopSchedule schedule;
  schedule.Begin(kStart, Millis(10'000), true);
  EXPECT_EQ(StepsAt(schedule, kStart), "k");
}

TEST(StopSchedule, ASecondOrderOnlyHastens) {
  StopSchedule schedule;
  schedule.Begin(kStart, Millis(1'000), false);
  EXPECT_EQ(StepsAt(schedule, kStart), "t");
  schedule.Begin(kStart + Millis(500), Millis(10'000), false);
  EXPECT_EQ(*schedule.Due(), kStart + Millis(1'000));
  schedule.Begin(kStart + Millis(600), Millis(0), true);
  EXPECT_EQ(StepsAt(schedule, kStart + Millis(600)), "k");
  schedule.Begin(kStart + Millis(700), Millis(0), true);
  EXPECT_EQ(StepsAt(schedule, kStart + Millis(700)), "") << "killed once, the rest goes its way";
}

}  // namespace
}  // namespace forager::supervisor
