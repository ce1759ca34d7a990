#include "supervisor/attempt_clocks.h"

#include <gtest/gtest.h>

namespace forager::supervisor {
namespace {

const os::Steady kStart{Millis(1'000'000)};
constexpr AttemptLimits kLimits{Millis(1'800'000), Millis(30'000), Millis(600'000)};

ProgressEvent Progress(double percent) {
  ProgressEvent event;
  event.percent = percent;
  return event;
}

TEST(AttemptClocks, SilenceIsNoticedAtItsLimit) {
  AttemptClocks clocks(kStart, kLimits);
  EXPECT_EQ(clocks.Check(kStart + Millis(29'999)), StopReason::kNone);
  EXPECT_EQ(clocks.Check(kStart + Millis(30'000)), StopReason::kHeartbeatLost);
  clocks.Heard(kStart + Millis(20'000));
  EXPECT_EQ(clocks.Check(kStart + Millis(49'999)), StopReason::kNone);
  EXPECT_EQ(clocks.Due(), kStart + Millis(50'000));
}

TEST(AttemptClocks, OnlyChangesAreProgress) {
  AttemptClocks clocks(kStart, kLimits);
  EXPECT_TRUE(clocks.Note(Progress(10), kStart));
  EXPECT_FALSE(clocks.Note(Progress(10), kStart + Millis(1)));
  EXPECT_TRUE(clocks.Note(Progress(11), kStart + Millis(1)));
  EXPECT_FALSE(clocks.Note(HeartbeatEvent{}, kStart + Millis(2)));
  EXPECT_FALSE(clocks.Note(LogEvent{}, kStart + Millis(2)));
  EXPECT_TRUE(clocks.Note(RecordEvent{}, kStart + Millis(2)));
  EXPECT_TRUE(clocks.Note(ChildJobEvent{}, kStart + Millis(2)));
  ProgressEvent bytes;
  bytes.bytes = 100;
  EXPECT_TRUE(clocks.Note(bytes, kStart));
  EXPECT_FALSE(clocks.Note(bytes, kStart));
  ProgressEvent url;
  url.url = "http://example.com/";
  EXPECT_FALSE(clocks.Note(url, kStart));
  EXPECT_EQ(clocks.last().url, "http://example.com/");
}

TEST(AttemptClocks, TheDeadlineComesFirst) {
  AttemptClocks clocks(kStart, kLimits);
  clocks.Heard(kStart + Millis(1'799'000));
  EXPECT_EQ(clocks.Check(kStart + Millis(1'799'001)), StopReason::kStalled);
  EXPECT_EQ(clocks.Check(kStart + Millis(1'800'000)), StopReason::kTimedOut);
  EXPECT_EQ(clocks.Explain(StopReason::kTimedOut, kStart + Millis(1'800'000)),
            "It had made no progress for 30 minutes.");
}

TEST(AttemptClocks, ProgressRestsWhileATurnIsWaitedFor) {
  AttemptClocks clocks(kStart, kLimits);
  clocks.TurnAsked(kStart + Millis(300'000));
  clocks.Heard(kStart + Millis(900'000));
  EXPECT_EQ(clocks.Check(kStart + Millis(900'001)), StopReason::kNone) << "no answer yet";
  EXPECT_EQ(clocks.Due(), kStart + Millis(930'000)) << "the heartbeat does not rest";
  clocks.TurnAnswered(kStart + Millis(900'000), Millis(60'000));
  EXPECT_TRUE(clocks.AwaitsTurn(kStart + Millis(959'999)));
  EXPECT_FALSE(clocks.AwaitsTurn(kStart + Millis(960'000)));
  // It rested for 660 s; 300 s of the limit were used up before.
  clocks.Heard(kStart + Millis(1'250'000));
  EXPECT_EQ(clocks.Check(kStart + Millis(1'259'999)), StopReason::kNone);
  EXPECT_EQ(clocks.Check(kStart + Millis(1'260'000)), StopReason::kStalled);
  EXPECT_EQ(clocks.Check(kStart + Millis(1'800'000)), StopReason::kTimedOut) << "nor the deadline";
}

TEST(AttemptClocks, AnAnswerWithoutAQuestionRestsNothing) {
  AttemptClocks clocks(kStart, kLimits);
  clocks.TurnAnswered(kStart, Millis(300'000));
  clocks.Heard(kStart + Millis(590'000));
  EXPECT_FALSE(clocks.AwaitsTurn(kStart + Millis(1)));
  EXPECT_EQ(clocks.Check(kStart + Millis(600'000)), StopReason::kStalled);
}

TEST(AttemptClocks, APauseOfTheServerIsForgivenButNotByTheDeadline) {
  AttemptClocks clocks(kStart, kLimits);
  clocks.Forgive(Millis(3'600'000));
  EXPECT_EQ(clocks.Check(kStart + Millis(3'600'000)), StopReason::kTimedOut);
  EXPECT_EQ(clocks.Check(kStart + Millis(31'000)), StopReason::kNone);
}

TEST(AttemptClocks, SaysWhatItIsDoing) {
  AttemptClocks clocks(kStart, kLimits);
  EXPECT_EQ(clocks.Describe(kStart + Millis(59'000)), "It was still working.");
  EXPECT_EQ(clocks.Describe(kStart + Millis(720'000)), "It had made no progress for 12 minutes.");
  EXPECT_EQ(DurationWords(Millis(1500)), "1.5 s");
  EXPECT_EQ(DurationWords(Millis(3 * 3'600'000)), "3 hours");
}

}  // namespace
}  // namespace forager::supervisor
