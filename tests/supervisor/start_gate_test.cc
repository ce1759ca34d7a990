#include "supervisor/start_gate.h"

#include <gtest/gtest.h>

#include "supervisor/capacity.h"
#include "supervisor/due_queue.h"

namespace forager::supervisor {
namespace {

const os::Steady kStart{Millis{1'000'000}};

TEST(StartGate, LetsAsManyThroughAsRanWhenOneWasRefused) {
  StartGate gate;
  EXPECT_EQ(gate.Room(500, kStart), StartGate::kWide);
  gate.Refused(510, 564, 500, "no process", kStart);
  EXPECT_EQ(gate.Room(500, kStart), 0);
  EXPECT_EQ(gate.Room(490, kStart), 10) << "those that ended make room at once";
  EXPECT_EQ(gate.Room(500, kStart + Millis{300}), 1) << "one more is tried after a pause";
  EXPECT_EQ(gate.Shortage(kStart), "no process");
  EXPECT_EQ(gate.Shortage(kStart + Millis{60'000}), "");
}

TEST(StartGate, ABurstOfRefusalsIsOneAndFurtherOnesPauseLonger) {
  StartGate gate;
  for (std::uint64_t id = 1; id <= 64; ++id) gate.Refused(id, 64, 0, "no process", kStart);
  EXPECT_EQ(gate.Room(0, kStart + Millis{199}), 0);
  EXPECT_EQ(gate.Room(0, kStart + Millis{200}), 1);
  os::Steady now = kStart;
  for (std::uint64_t id = 65; id < 80; ++id) gate.Refused(id, id, 0, "no process", now);
  EXPECT_EQ(gate.Room(0, now + Millis{9'999}), 0);
  EXPECT_EQ(gate.Room(0, now + Millis{10'000}), 1);
}

TEST(StartGate, OpensAgainWithEachStartBeyondTheLevel) {
  StartGate gate;
  gate.Refused(11, 11, 10, "no process", kStart);
  os::Steady later = kStart + Millis{1'000};
  gate.Started(12, 10);
  EXPECT_EQ(gate.Room(10, later), 1) << "as many as before prove nothing";
  int running = 10;
  for (std::uint64_t id = 13; id < 19; ++id) gate.Started(id, ++running);
  EXPECT_EQ(gate.Room(running, later), StartGate::kWide);
  EXPECT_EQ(gate.Room(5'000, later), StartGate::kWide);
}

TEST(DueQueue, GivesEachOnceAtItsEarliestMoment) {
  DueQueue queue;
  queue.Add(1, kStart + Millis{30});
  queue.Add(2, kStart + Millis{20});
  queue.Add(1, kStart + Millis{10});
  queue.Add(2, kStart + Millis{50});
  queue.Add(3, kStart);
  queue.Forget(3);
  EXPECT_EQ(queue.Next(), kStart + Millis{10});
  EXPECT_EQ(queue.Take(kStart + Millis{9}), 0u);
  EXPECT_EQ(queue.Take(kStart + Millis{60}), 1u);
  EXPECT_EQ(queue.Take(kStart + Millis{60}), 2u);
  EXPECT_EQ(queue.Take(kStart + Millis{60}), 0u);
  EXPECT_EQ(queue.Next(), os::Steady::max());
}

TEST(Capacity, LeavesConnectionsTheirDescriptors) {
  EXPECT_GE(DescriptorsForAttempts(20'000, 1'000), 5'000 * kDescriptorsOfCommand);
  EXPECT_EQ(DescriptorsForAttempts(20'000, 1'000), 20'000 - 1'128);
  EXPECT_EQ(DescriptorsForAttempts(700, 1'000), 350) << "a small limit is shared";
}

TEST(Capacity, NamesTheNarrowestLimitFirst) {
  auto ceilings = Ceilings(0, 1'000);
  ASSERT_GE(ceilings.size(), 4u);
  for (std::size_t i = 1; i < ceilings.size(); ++i)
    EXPECT_LE(ceilings[i - 1].attempts, ceilings[i].attempts);
  EXPECT_GT(ceilings.front().attempts, 0);
}

}  // namespace
}  // namespace forager::supervisor
