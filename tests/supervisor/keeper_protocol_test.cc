#include "supervisor/keeper_protocol.h"

#include <gtest/gtest.h>

namespace forager::supervisor {
namespace {

TEST(KeeperProtocol, WhatIsWrittenIsRead) {
  StartAttempt start{7, "JOB-1-A", 3, "command", {"/bin/echo", "", "x y"}, "/srv", {"A=1"}, {1 << 20, 9, 77}};
  auto read = Decode(Encode(start));
  ASSERT_TRUE(read && std::holds_alternative<StartAttempt>(*read));
  auto& same = std::get<StartAttempt>(*read);
  EXPECT_EQ(same.id, 7u);
  EXPECT_EQ(same.job_id, "JOB-1-A");
  EXPECT_EQ(same.command, start.command);
  EXPECT_EQ(same.directory, "/srv");
  EXPECT_EQ(same.environment, start.environment);
  EXPECT_EQ(same.limits.memory_bytes, 1 << 20);
  EXPECT_EQ(same.limits.max_processes, 9);
  EXPECT_EQ(same.limits.scratch_bytes, 77);
  EXPECT_EQ(std::get<LimitExceeded>(*Decode(Encode(LimitExceeded{5, 2}))).limit, 2);
  auto ended = Decode(Encode(AttemptEnded{9, 11, true, true, {1, 2, 3, 4}}));
  ASSERT_TRUE(ended && std::holds_alternative<AttemptEnded>(*ended));
  EXPECT_TRUE(std::get<AttemptEnded>(*ended).released);
  EXPECT_TRUE(std::get<AttemptEnded>(*ended).lease_lost);
  EXPECT_EQ(std::get<AttemptEnded>(*ended).usage.survivors, 4);
  EXPECT_EQ(std::get<GoodUntil>(*Decode(Encode(GoodUntil{77}))).boot_ms, 77);
  EXPECT_TRUE(std::holds_alternative<Pong>(*Decode(Encode(Pong{}))));
}

TEST(KeeperProtocol, NothingElseIsRead) {
  EXPECT_FALSE(Decode(""));
  EXPECT_FALSE(Decode("\xff"));
  std::string start = Encode(StartAttempt{7, "JOB-1-A", 3, "command", {"/bin/echo"}, "", {}, {}});
  for (std::size_t size = 0; size < start.size(); ++size)
    EXPECT_FALSE(Decode(start.substr(0, size)));
  EXPECT_FALSE(Decode(start + "x"));
  std::string huge = start;
  huge[9] = huge[10] = huge[11] = '\xff';  // the length of the job's id
  EXPECT_FALSE(Decode(huge));
}

}  // namespace
}  // namespace forager::supervisor
