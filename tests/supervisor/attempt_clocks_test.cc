#include "supervisor/attempt_clocks.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

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

// --- a command that has not spoken our protocol

AttemptLimits Set() {
  AttemptLimits limits = kLimits;
  limits.heartbeat_set = true;
  return limits;
}

os::Steady At(double seconds) { return kStart + Millis(std::llround(seconds * 1000)); }

LifeSigns Looked(double since, double at, Millis cpu = Millis{0}, std::int64_t bytes = 0) {
  return {At(since), At(at), cpu, bytes};
}

// A look each second while one is asked for, until `until`; what it sees is said by `see`.
StopReason LookUntil(AttemptClocks& clocks, double until,
                     const std::function<LifeSigns(double since, double at)>& see) {
  double since = -1;
  for (double at = 0; at <= until; at += 0.25) {
    if (clocks.TakeLook(At(at))) {
      clocks.Saw(since < 0 ? Looked(at, at) : see(since, at));
      since = at;
    }
    if (auto reason = clocks.Check(At(at)); reason != StopReason::kNone) return reason;
  }
  return StopReason::kNone;
}

TEST(StrangersClocks, TheHeartbeatRestsUnlessSomebodySetIt) {
  AttemptClocks clocks(kStart, kLimits, true);
  EXPECT_TRUE(clocks.heartbeat_rests());
  EXPECT_EQ(clocks.Check(At(599)), StopReason::kNone);
  EXPECT_EQ(clocks.Due(), At(37.5)) << "a look";
  EXPECT_FALSE(AttemptClocks(kStart, Set(), true).heartbeat_rests());
  EXPECT_FALSE(AttemptClocks(kStart, kLimits, false).heartbeat_rests());
  EXPECT_EQ(AttemptClocks(kStart, Set(), true).Due(), At(1.9));
}

TEST(StrangersClocks, SilenceIsStoppedAtTheHeartbeatLimitThatWasSet) {
  AttemptClocks clocks(kStart, Set(), true);
  auto nothing = [](double since, double at) { return Looked(since, at); };
  EXPECT_EQ(LookUntil(clocks, 29.75, nothing), StopReason::kNone);
  AttemptClocks again(kStart, Set(), true);
  EXPECT_EQ(LookUntil(again, 30, nothing), StopReason::kHeartbeatLost);
  EXPECT_EQ(again.Explain(StopReason::kHeartbeatLost, At(30)),
            "no output, no CPU time used and no bytes moved for 30 s");
}

TEST(StrangersClocks, OutputCpuAndBytesAreHeartbeats) {
  AttemptClocks output(kStart, Set(), true);
  output.Heard(At(20));
  EXPECT_EQ(output.Check(At(45)), StopReason::kNone);
  for (auto [cpu, bytes] : {std::pair(Millis{10}, 0), std::pair(Millis{0}, 1)}) {
    AttemptClocks clocks(kStart, Set(), true);
    auto busy = [&](double since, double at) { return Looked(since, at, cpu, bytes); };
    EXPECT_EQ(LookUntil(clocks, 500, busy), StopReason::kNone) << cpu.count() << " " << bytes;
  }
  AttemptClocks idle(kStart, Set(), true);
  auto ticks = [](double since, double at) { return Looked(since, at, Millis{5}); };
  EXPECT_EQ(LookUntil(idle, 31, ticks), StopReason::kHeartbeatLost)
      << "an event loop that wakes up";
}

TEST(StrangersClocks, NewLinesAndBytesAreProgressButCpuAndOldLinesAreNot) {
  AttemptClocks lines(kStart, kLimits, true);
  lines.HeardNew(At(400));
  EXPECT_EQ(lines.Due(), At(437.5));
  AttemptClocks same(kStart, kLimits, true);
  same.Heard(At(400));
  EXPECT_EQ(same.Due(), At(37.5));
  AttemptClocks bytes(kStart, kLimits, true);
  auto moves = [](double since, double at) { return Looked(since, at, Millis{0}, 100); };
  EXPECT_EQ(LookUntil(bytes, 1700, moves), StopReason::kNone);
  AttemptClocks cpu(kStart, kLimits, true);
  auto loops = [](double since, double at) {
    return Looked(since, at, Millis(std::llround((at - since) * 1000)));
  };
  EXPECT_EQ(LookUntil(cpu, 599.75, loops), StopReason::kNone);
  AttemptClocks still(kStart, kLimits, true);
  EXPECT_EQ(LookUntil(still, 600.25, loops), StopReason::kStalled) << "a busy loop";
  EXPECT_EQ(still.Explain(StopReason::kStalled, At(600)),
            "no new output and no bytes moved for 10 minutes");
}

TEST(StrangersClocks, APageEachTwoMinutesIsEnoughAndNoPageForTenIsTheEnd) {
  AttemptClocks clocks(kStart, kLimits, true);
  auto fetches = [](double since, double at) {
    bool page = at < 900 && std::floor(at / 120) > std::floor(since / 120);
    return Looked(since, at, Millis{3}, page ? 700 : 0);
  };
  EXPECT_EQ(LookUntil(clocks, 1400, fetches), StopReason::kNone);
  AttemptClocks ends(kStart, kLimits, true);
  EXPECT_EQ(LookUntil(ends, 1443, fetches), StopReason::kStalled) << "the last page was at 840 s";
}

TEST(StrangersClocks, ALimitIsNotBelievedWithoutALook) {
  AttemptClocks clocks(kStart, Set(), true);
  EXPECT_EQ(clocks.Check(At(700)), StopReason::kNone) << "the server was late";
  ASSERT_TRUE(clocks.TakeLook(At(700)));
  EXPECT_FALSE(clocks.TakeLook(At(701))) << "one at a time";
  EXPECT_EQ(clocks.Due(), At(1800)) << "nothing is due before it was seen";
  clocks.Saw(Looked(700, 700));
  EXPECT_EQ(clocks.Check(At(700)), StopReason::kNone) << "with nothing to compare";
  ASSERT_TRUE(clocks.TakeLook(At(701)));
  clocks.Saw(Looked(700, 701));
  EXPECT_EQ(clocks.Check(At(701)), StopReason::kHeartbeatLost);
}

TEST(StrangersClocks, WhatWasSeenOverALongTimeIsDatedToItsBeginningAndLookedAtAgain) {
  AttemptClocks clocks(kStart, kLimits, true);
  ASSERT_TRUE(clocks.TakeLook(At(300)));
  clocks.Saw(Looked(300, 300));
  // The server was busy: the next look is late, and bytes have moved, nobody knows when.
  ASSERT_TRUE(clocks.TakeLook(At(950)));
  clocks.Saw(Looked(300, 950, Millis{0}, 5'000));
  EXPECT_EQ(clocks.progressed(), At(301));
  EXPECT_EQ(clocks.Check(At(950)), StopReason::kNone);
  ASSERT_TRUE(clocks.TakeLook(At(951)));
  clocks.Saw(Looked(950, 951));
  EXPECT_EQ(clocks.Check(At(951)), StopReason::kStalled);
}

TEST(StrangersClocks, WhoSpeaksIsAStrangerNoMore) {
  for (const Event& event : {Event(HeartbeatEvent{}), Event(Progress(1)), Event(RecordEvent{})}) {
    AttemptClocks clocks(kStart, kLimits, true);
    clocks.Note(event, At(1));
    EXPECT_FALSE(clocks.stranger());
    clocks.Heard(At(1));
    clocks.HeardNew(At(20));
    EXPECT_LE(clocks.progressed(), At(1)) << "lines are no progress of who speaks";
    EXPECT_EQ(clocks.Check(At(31)), StopReason::kHeartbeatLost);
    EXPECT_FALSE(clocks.TakeLook(At(500)));
  }
  AttemptClocks log(kStart, kLimits, true);
  log.Note(LogEvent{}, At(1));
  log.Note(ChildJobEvent{}, At(1));
  EXPECT_TRUE(log.stranger());
}

TEST(StrangersClocks, SaysWhichSignsOfLifeWereSeen) {
  AttemptClocks clocks(kStart, kLimits, true);
  EXPECT_EQ(clocks.Signs(At(2)),
            "Signs of life: no output yet; its processes were not looked at yet; the heartbeat "
            "clock rests, since it has never spoken forager's protocol.");
  clocks.Heard(At(3));
  clocks.HeardNew(At(3));
  clocks.Saw(Looked(303, 303));
  clocks.Saw(Looked(303, 304, Millis{40}, 12'288));
  EXPECT_EQ(clocks.Signs(At(306)),
            "Signs of life: output 5 minutes ago, 12 KiB moved 2 s ago, CPU 40 ms 2 s ago; the "
            "heartbeat clock rests, since it has never spoken forager's protocol.");
  EXPECT_EQ(clocks.Describe(At(400)),
            "It had said nothing new for 7 minutes, and moved bytes 96 s before.");
  AttemptClocks speaks(kStart, kLimits);
  speaks.Heard(At(9));
  EXPECT_EQ(speaks.Signs(At(10)), "Signs of life: output 1 s ago, progress 10 s ago.");
}

}  // namespace
}  // namespace forager::supervisor
