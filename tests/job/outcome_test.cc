#include "job/outcome.h"

#include <gtest/gtest.h>

namespace forager {
namespace {

AttemptEnd Ended(ProcessEnd process) {
  AttemptEnd end;
  end.process = process;
  return end;
}

ErrorClass ClassOf(const Outcome& outcome) { return std::get<Failed>(outcome).error_class; }

ResultEvent Said(bool completed, ErrorClass error_class = ErrorClass::kPermanent) {
  ResultEvent result;
  result.completed = completed;
  result.error = completed ? "" : "because";
  result.error_class = error_class;
  return result;
}

constexpr Millis kTimeout{30 * 60'000};

TEST(Judge, BuiltinThatExitsWithoutAResultHasCrashed) {
  EXPECT_EQ(ClassOf(Judge(Ended(Exited{0}), false, kTimeout)), ErrorClass::kCrashed);
}

TEST(Judge, CommandThatExitsZeroWithoutAResultHasCompleted) {
  AttemptEnd end = Ended(Exited{0});
  end.builtin = false;
  EXPECT_TRUE(std::holds_alternative<Completed>(Judge(end, false, kTimeout)));
}

TEST(Judge, CommandThatFailsAfterACompletedResultHasCrashed) {
  AttemptEnd end = Ended(Exited{3});
  end.builtin = false;
  end.result = Said(true);
  EXPECT_EQ(ClassOf(Judge(end, false, kTimeout)), ErrorClass::kCrashed);
}

TEST(Judge, SignalIsACrashWhateverWasSaidBefore) {
  AttemptEnd end = Ended(Signaled{11});
  end.result = Said(true);
  Outcome outcome = Judge(end, false, kTimeout);
  EXPECT_EQ(ClassOf(outcome), ErrorClass::kCrashed);
  EXPECT_NE(std::get<Failed>(outcome).message.find("SIGSEGV"), std::string::npos);
}

TEST(Judge, AStartThatTheMachineRefusedIsNoFaultOfTheJob) {
  EXPECT_EQ(ClassOf(Judge(Ended(NotStarted{"no program", false}), false, kTimeout)),
            ErrorClass::kInvalid);
  Outcome shortage = Judge(Ended(NotStarted{"too many open files", true}), false, kTimeout);
  EXPECT_EQ(ClassOf(shortage), ErrorClass::kInterrupted);
  EXPECT_TRUE(std::get<Failed>(shortage).not_started);
  Outcome refused = Judge(Ended(NotStarted{"no mount", false, true}), false, kTimeout);
  EXPECT_EQ(ClassOf(refused), ErrorClass::kInterrupted);
  EXPECT_FALSE(std::get<Failed>(refused).not_started);  // counted: it may never pass
}

TEST(Judge, CancelWinsOverEveryEnding) {
  for (ProcessEnd process :
       {ProcessEnd(Exited{0}), ProcessEnd(Signaled{9}), ProcessEnd(KeeperLost{})}) {
    AttemptEnd end = Ended(process);
    end.result = Said(true);
    EXPECT_TRUE(std::holds_alternative<Cancelled>(Judge(end, true, kTimeout)));
  }
}

TEST(Judge, DeadlineNamesItsMinutesInShortestForm) {
  AttemptEnd end = Ended(Signaled{9});
  end.stop = StopReason::kTimedOut;
  auto message = std::get<Failed>(Judge(end, false, Millis{3'000})).message;
  EXPECT_TRUE(message.starts_with("Job timed out after running for more than 0.05 minutes. "))
      << message;
}

TEST(Judge, ResultSaidBeforeTheOrderToStopCounts) {
  AttemptEnd end = Ended(Exited{0});
  end.stop = StopReason::kStalled;
  end.result = Said(true);
  EXPECT_TRUE(std::holds_alternative<Completed>(Judge(end, false, kTimeout)));
}

TEST(Judge, WhoSaidItsResultIsGivenNoOtherEnd) {
  for (StopReason reason : {StopReason::kSaidAll, StopReason::kHeartbeatLost, StopReason::kStalled,
                            StopReason::kTimedOut, StopReason::kMemory, StopReason::kInterrupt,
                            StopReason::kLeaseLost}) {
    for (ProcessEnd process :
         {ProcessEnd(Signaled{9}), ProcessEnd(Exited{143}), ProcessEnd(KeeperLost{})}) {
      for (bool builtin : {true, false}) {
        AttemptEnd end = Ended(process);
        end.stop = reason;
        end.builtin = builtin;
        end.result = Said(true);
        EXPECT_TRUE(std::holds_alternative<Completed>(Judge(end, false, kTimeout)));
        end.result = Said(false);
        EXPECT_EQ(ClassOf(Judge(end, false, kTimeout)), ErrorClass::kPermanent);
        EXPECT_TRUE(std::holds_alternative<Cancelled>(Judge(end, true, kTimeout)));
      }
    }
  }
  AttemptEnd taken = Ended(Signaled{9});
  taken.stop = StopReason::kReset;
  taken.result = Said(true);
  EXPECT_EQ(ClassOf(Judge(taken, false, kTimeout)), ErrorClass::kReset);
}

TEST(Judge, AFailedResultStandsWhateverTheProcessDoesAfterIt) {
  for (ProcessEnd process :
       {ProcessEnd(Signaled{11}), ProcessEnd(Exited{1}), ProcessEnd(Exited{0})}) {
    AttemptEnd end = Ended(process);
    end.builtin = false;
    end.result = Said(false, ErrorClass::kTransient);
    EXPECT_EQ(ClassOf(Judge(end, false, kTimeout)), ErrorClass::kTransient);
  }
}

TEST(Judge, ABadEndIsToldInTheProgramsOwnLastWords) {
  auto message = [](ProcessEnd process, const std::string& words, bool memory = false) {
    AttemptEnd end = Ended(process);
    end.builtin = false;
    end.last_words = words;
    end.out_of_memory = memory;
    EXPECT_EQ(ClassOf(Judge(end, false, kTimeout)), ErrorClass::kCrashed);
    return std::get<Failed>(Judge(end, false, kTimeout)).message;
  };
  EXPECT_EQ(message(Exited{1}, "ValueError: bad page"),
            "The command exited with code 1: ValueError: bad page");
  EXPECT_EQ(message(Exited{3}, ""), "The command exited with code 3");
  EXPECT_EQ(
      message(Exited{127}, "sh: 1: foo: not found"),
      "The command exited with code 127 (a command that was not found): sh: 1: foo: not found");
  EXPECT_EQ(message(Exited{137}, ""),
            "The command exited with code 137 (128 + 9: SIGKILL ended a process of it)");
  EXPECT_EQ(message(Exited{1}, "MemoryError", true),
            "Out of memory (The command exited with code 1): MemoryError");
  EXPECT_TRUE(message(Signaled{6}, "FATAL ERROR: heap", true)
                  .starts_with("Out of memory (The process was killed by signal 6 (SIGABRT"));
}

Job Running(int tries, int crashes) {
  Job job;
  job.status = State::kRunning;
  job.tries_used = tries;
  job.crashes = crashes;
  return job;
}

Decision After(const Job& job, ErrorClass error_class, double random = 0.5) {
  return Decide(job, Failed{error_class, "because", {}}, RetryPolicy{}, random);
}

TEST(Decide, FirstCrashIsRetriedAtOnceAndTheNextWaits) {
  EXPECT_EQ(After(Running(0, 0), ErrorClass::kCrashed).by, Transition::kRetry);
  EXPECT_EQ(After(Running(0, 0), ErrorClass::kCrashed).delay, Millis{0});
  EXPECT_GE(After(Running(1, 1), ErrorClass::kCrashed).delay, Millis{100'000});
}

TEST(Decide, CrashesAreCappedApartFromTries) {
  Job job = Running(2, 2);
  job.max_attempts = 25;
  EXPECT_EQ(After(job, ErrorClass::kCrashed).by, Transition::kFail);
  EXPECT_EQ(After(job, ErrorClass::kTransient).by, Transition::kRetry);
}

TEST(Decide, TransientBacksOffDoublingWithTenPercentJitter) {
  EXPECT_EQ(After(Running(0, 0), ErrorClass::kTransient, 0.5).delay, Millis{60'000});
  EXPECT_EQ(After(Running(0, 0), ErrorClass::kTransient, 0.0).delay, Millis{54'000});
  EXPECT_EQ(After(Running(1, 0), ErrorClass::kTransient, 0.5).delay, Millis{120'000});
  EXPECT_EQ(After(Running(2, 0), ErrorClass::kTransient).by, Transition::kFail);
}

TEST(Decide, NeverBeforeRetryAfter) {
  Decision decision = Decide(Running(0, 0), Failed{ErrorClass::kTransient, "429", Millis{600'000}},
                             RetryPolicy{}, 0.5);
  EXPECT_EQ(decision.delay, Millis{600'000});
}

TEST(Decide, PermanentClassesFailAtOnce) {
  for (ErrorClass error_class :
       {ErrorClass::kPermanent, ErrorClass::kInvalid, ErrorClass::kUnknownEntityType,
        ErrorClass::kMissingApiKey, ErrorClass::kBudgetExceeded, ErrorClass::kTimedOut,
        ErrorClass::kReset}) {
    EXPECT_EQ(After(Running(0, 0), error_class).by, Transition::kFail) << Name(error_class);
  }
}

TEST(Decide, InterruptionUsesNoTryButIsBounded) {
  Job job = Running(2, 2);
  EXPECT_EQ(After(job, ErrorClass::kInterrupted).by, Transition::kInterrupt);
  EXPECT_EQ(After(job, ErrorClass::kInterrupted).delay, Millis{0});
  job.interruptions = 2;
  EXPECT_EQ(After(job, ErrorClass::kNodeLost).delay, Millis{1'000}) << "the third";
  job.interruptions = 4;
  EXPECT_EQ(After(job, ErrorClass::kNodeLost).delay, Millis{4'000});
  job.interruptions = 19;
  EXPECT_EQ(After(job, ErrorClass::kNodeLost).by, Transition::kInterrupt);
  job.interruptions = 20;
  EXPECT_EQ(After(job, ErrorClass::kInterrupted).by, Transition::kFail);
  EXPECT_EQ(After(job, ErrorClass::kNodeLost).by, Transition::kFail);
  EXPECT_FALSE(Decide(job, Failed{ErrorClass::kInterrupted, "EAGAIN", {}, true}, RetryPolicy{}, 0)
                   .counts_interruption);
  EXPECT_EQ(Decide(job, Failed{ErrorClass::kInterrupted, "EAGAIN", {}, true}, RetryPolicy{}, 0).by,
            Transition::kInterrupt);
}

TEST(Decide, AttemptsWithoutATurnWaitForItAndUseNoTry) {
  AttemptEnd end;
  end.process = Exited{0};
  end.result = ResultEvent{false, "no turn", ErrorClass::kTransient, Millis{310'000}};
  end.no_turn = true;
  Decision decision = Decide(Running(2, 0), Judge(end, false, Millis{60'000}), RetryPolicy{}, 0.5);
  EXPECT_EQ(decision.by, Transition::kRetry);
  EXPECT_EQ(decision.delay, Millis{341'000});
  EXPECT_FALSE(decision.counts_try);
  end.result->error_class = ErrorClass::kPermanent;
  EXPECT_EQ(Decide(Running(0, 0), Judge(end, false, Millis{60'000}), RetryPolicy{}, 0.5).by,
            Transition::kFail);
}

TEST(Decide, OnlyMovesOfTheTableAreMade) {
  for (int tries : {0, 2, 24}) {
    for (int value = 0; value <= static_cast<int>(ErrorClass::kReset); ++value) {
      EXPECT_TRUE(
          Allowed(State::kRunning, After(Running(tries, 0), static_cast<ErrorClass>(value)).by));
    }
  }
}

}  // namespace
}  // namespace forager
