#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <fstream>

#include "os/child_process.h"
#include "os/proc_files.h"
#include "os/sandbox.h"
#include "tests/supervisor/supervisor_fixture.h"

namespace forager::supervisor {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_F(SupervisorTest, AnAttemptCompletes) {
  Open();
  AttemptEnd end = Run(SelfTest("ok", 1, R"({"ms": 50})"));
  EXPECT_EQ(std::get<Exited>(end.process).code, 0);
  ASSERT_TRUE(end.result);
  EXPECT_TRUE(end.result->completed);
  EXPECT_TRUE(end.released);
  ASSERT_TRUE(end.usage);
  EXPECT_GT(end.usage->max_rss_kb, 0);
  EXPECT_EQ(end.usage->survivors, 0);
  EXPECT_TRUE(witness_.Said(Ref(1), "working"));
  EXPECT_TRUE(NothingIsLeft());
}

TEST_F(SupervisorTest, RecordsArriveInOrderAndBeforeTheEnd) {
  Open();
  Run(SelfTest("records", 1, R"({"records": 1000})"));
  int number = 0;
  for (const Event& event : witness_.events[Ref(1)]) {
    auto* record = std::get_if<RecordEvent>(&event);
    if (!record) continue;
    EXPECT_EQ(boost::json::parse(record->entity).at("number").as_int64(), ++number);
  }
  EXPECT_EQ(number, 1000);
}

TEST_F(SupervisorTest, FailuresAreReportedAsTheCollectorSaysThem) {
  Open();
  AttemptEnd fail = Run(SelfTest("fail", 1));
  EXPECT_EQ(fail.result->error_class, ErrorClass::kPermanent);
  AttemptEnd thrown = Run(SelfTest("throw", 2));
  EXPECT_EQ(thrown.result->error_class, ErrorClass::kPermanent);
  EXPECT_EQ(thrown.result->error, "The self-test was asked to throw");
  AttemptEnd transient = Run(SelfTest("transient", 3, R"({"times": 3})"));
  EXPECT_EQ(transient.result->error_class, ErrorClass::kTransient);
  EXPECT_TRUE(Run(SelfTest("transient", 4, R"({"times": 3})")).result->completed);
  EXPECT_EQ(Run(SelfTest("nonsense", 5)).result->error_class, ErrorClass::kInvalid);
}

TEST_F(SupervisorTest, AnAttemptIsToldItsTurnsAndMayWaitLongerThanItsStallLimit) {
  Open();
  witness_.on_asked = [&](const Witness::Asked& asked) {
    // What is not asked changes nothing.
    supervisor_->Answer(asked.ref, {asked.question.asked.id + 7, true, Millis{0}});
    supervisor_->Answer(Ref(99), {asked.question.asked.id, true, Millis{0}});
    loop_->Post([this, asked] {
      supervisor_->Answer(asked.ref, {asked.question.asked.id, true, Millis{700}});
      supervisor_->Answer(asked.ref, {asked.question.asked.id, false, Millis{0}});
    });
  };
  AttemptSpec spec = SelfTest("turns", 1, R"({"times": 2, "ms": 250})");
  spec.stall_timeout = Millis{500};
  auto began = os::SystemClock().SteadyNow();
  AttemptEnd end = Run(spec);
  ASSERT_TRUE(end.result);
  EXPECT_TRUE(end.result->completed) << end.result->error << end.stop_detail;
  EXPECT_GE(os::SystemClock().SteadyNow() - began, milliseconds(1'400));
  ASSERT_EQ(witness_.asked.size(), 2u);
  EXPECT_EQ(witness_.asked[0].question.asked.host, "selftest.example");
  EXPECT_EQ(witness_.asked[0].question.asked.interval, Millis{250});
  EXPECT_NE(witness_.asked[0].question.asked.id, witness_.asked[1].question.asked.id);
  EXPECT_TRUE(witness_.asked[0].question.first);
  EXPECT_FALSE(witness_.asked[1].question.first);
  EXPECT_FALSE(end.no_turn);
}

TEST_F(SupervisorTest, AnAttemptThatHadATurnUsesItsTryWhenItGetsNoOther) {
  Open();
  witness_.on_asked = [&](const Witness::Asked& asked) {
    loop_->Post([this, asked] {
      supervisor_->Answer(asked.ref,
                          {asked.question.asked.id, asked.question.first, Millis{1'000}});
    });
  };
  AttemptEnd end = Run(SelfTest("turns", 1, R"({"times": 2})"));
  ASSERT_TRUE(end.result);
  EXPECT_EQ(end.result->retry_after, Millis{1'000});
  EXPECT_FALSE(end.no_turn);
}

TEST_F(SupervisorTest, AnAttemptWithoutATurnSaysWhenToComeBack) {
  Open();
  witness_.on_asked = [&](const Witness::Asked& asked) {
    loop_->Post([this, asked] {
      supervisor_->Answer(asked.ref, {asked.question.asked.id, false, Millis{310'000}});
    });
  };
  AttemptEnd end = Run(SelfTest("turns"));
  ASSERT_TRUE(end.result);
  EXPECT_EQ(end.result->error_class, ErrorClass::kTransient);
  EXPECT_EQ(end.result->retry_after, Millis{310'000});
  EXPECT_TRUE(end.no_turn);
}

TEST_F(SupervisorTest, AnAttemptThatIsNotAnsweredLivesUntilItsDeadline) {
  Open();
  AttemptSpec spec = SelfTest("turns");
  spec.stall_timeout = Millis{300};
  spec.heartbeat_timeout = Millis{1'500};
  spec.timeout = Millis{2'500};
  EXPECT_EQ(Run(spec).stop, StopReason::kTimedOut);
}

TEST_F(SupervisorTest, ACommandHasNoTurnsAndItsInputEnds) {
  Open();
  AttemptSpec spec = Command({"/bin/sh", "-c",
                              "cat > /dev/null; echo '{\"type\":\"ask_turn\",\"id\":1,\"host\":\"a\"}'"});
  AttemptEnd end = Run(spec);
  EXPECT_EQ(std::get<Exited>(end.process).code, 0);
  EXPECT_TRUE(witness_.asked.empty());
  EXPECT_NE(witness_.Output(Ref(1)).find("ask_turn"), std::string::npos);
}

TEST_F(SupervisorTest, DeathsAreSeenForWhatTheyAre) {
  Open();
  EXPECT_EQ(std::get<Signaled>(Run(SelfTest("segfault", 1)).process).signal, SIGSEGV);
  EXPECT_EQ(std::get<Signaled>(Run(SelfTest("abort", 2)).process).signal, SIGABRT);
  AttemptEnd exit = Run(SelfTest("exit", 3));
  EXPECT_EQ(std::get<Exited>(exit.process).code, 3);
  EXPECT_FALSE(exit.result);
  EXPECT_TRUE(NothingIsLeft());
}

TEST_F(SupervisorTest, ADeathFromOutsideIsNoticedAtOnce) {
  Open();
  os::Steady killed_at{};
  AttemptEnd end = RunAndThen(SelfTest("sleep"), "sleeping", [&] {
    killed_at = os::SystemClock().SteadyNow();
    kill(witness_.started[Ref(1)], SIGKILL);
  });
  EXPECT_EQ(std::get<Signaled>(end.process).signal, SIGKILL);
  EXPECT_LT(witness_.ended_at[Ref(1)] - killed_at, seconds(1));
}

TEST_F(SupervisorTest, ASilentAttemptIsStoppedWithASnapshot) {
  Open();
  AttemptSpec spec = SelfTest("busy_loop");
  spec.heartbeat_timeout = milliseconds(400);
  AttemptEnd end = Run(std::move(spec));
  EXPECT_EQ(end.stop, StopReason::kHeartbeatLost);
  EXPECT_EQ(end.stop_detail, "nothing heard for 0.4 s");
  EXPECT_EQ(std::get<Signaled>(end.process).signal, SIGTERM);
  ASSERT_TRUE(end.snapshot);
  auto snapshot = boost::json::parse(*end.snapshot);
  EXPECT_EQ(snapshot.at("stage").as_string(), "counting");
  EXPECT_EQ(snapshot.at("percent").to_number<double>(), 10);
  ASSERT_EQ(snapshot.at("processes").as_array().size(), 1u);
  EXPECT_TRUE(snapshot.at("processes").at(0).at("state").as_string().starts_with("R"));
}

TEST_F(SupervisorTest, AStoppedAttemptIsSilentToo) {
  Open();
  AttemptSpec spec = SelfTest("ok", 1, R"({"ms": 600000})");
  spec.heartbeat_timeout = milliseconds(500);
  AttemptEnd end =
      RunAndThen(std::move(spec), "working", [&] { kill(witness_.started[Ref(1)], SIGSTOP); });
  EXPECT_EQ(end.stop, StopReason::kHeartbeatLost);
  EXPECT_TRUE(NothingIsLeft());
}

TEST_F(SupervisorTest, HeartbeatsAreNoProgress) {
  Open();
  AttemptSpec spec = SelfTest("stall");
  spec.heartbeat_timeout = seconds(20);
  spec.stall_timeout = milliseconds(600);
  AttemptEnd end = Run(std::move(spec));
  EXPECT_EQ(end.stop, StopReason::kStalled);
  EXPECT_EQ(end.stop_detail, "nothing new for 0.6 s at 10% in stage collecting");
  EXPECT_TRUE(end.snapshot);
}

TEST_F(SupervisorTest, WorkBeyondTheDeadlineIsStopped) {
  Open();
  AttemptSpec spec = SelfTest("ok", 1, R"({"ms": 60000})");
  spec.timeout = milliseconds(500);
  AttemptEnd end = Run(std::move(spec));
  EXPECT_EQ(end.stop, StopReason::kTimedOut);
  EXPECT_EQ(end.stop_detail, "It was still working.");
}

TEST_F(SupervisorTest, WhoIgnoresTermIsKilledAfterTheGrace) {
  Open();
  os::Steady asked{};
  AttemptEnd end = RunAndThen(SelfTest("ignore_term"), "ignoring SIGTERM", [&] {
    asked = os::SystemClock().SteadyNow();
    supervisor_->Stop(Ref(1), StopReason::kCancel, false);
  });
  EXPECT_EQ(end.stop, StopReason::kCancel);
  EXPECT_EQ(std::get<Signaled>(end.process).signal, SIGKILL);
  auto took = witness_.ended_at[Ref(1)] - asked;
  EXPECT_GE(took, milliseconds(300));
  EXPECT_LE(took, milliseconds(1300));
}

TEST_F(SupervisorTest, AForcedStopHastensAPoliteOne) {
  Open();
  AttemptSpec spec = SelfTest("ignore_term");
  spec.grace = seconds(600);
  AttemptEnd end = RunAndThen(std::move(spec), "ignoring SIGTERM", [&] {
    supervisor_->Stop(Ref(1), StopReason::kCancel, false);
    supervisor_->Stop(Ref(1), StopReason::kReset, true);
  });
  EXPECT_EQ(end.stop, StopReason::kCancel) << "the first reason stays";
  EXPECT_EQ(std::get<Signaled>(end.process).signal, SIGKILL);
}

TEST_F(SupervisorTest, AWholeTreeIsKilledWithItsDaemon) {
  Open();
  AttemptEnd end = RunAndThen(SelfTest("tree"), "leaving processes behind", [&] {
    EXPECT_EQ(AttemptProcesses().size(),
              7u);  // first process, collector, 3 children, a grandchild, a daemon
    supervisor_->Stop(Ref(1), StopReason::kReset, false);
  });
  EXPECT_TRUE(end.released);
  EXPECT_EQ(end.usage->survivors, 5);
  EXPECT_TRUE(NothingIsLeft());
}

TEST_F(SupervisorTest, WhatOutlivesItsCollectorIsKilledAndCounted) {
  Open();
  AttemptEnd end = Run(SelfTest("tree", 1, R"({"ms": 100})"));
  EXPECT_EQ(std::get<Exited>(end.process).code, 0);
  EXPECT_TRUE(end.result->completed);
  EXPECT_TRUE(end.released);
  EXPECT_EQ(end.usage->survivors, 5);
  EXPECT_TRUE(NothingIsLeft());
}

TEST_F(SupervisorTest, AStoppedFirstProcessDoesNotSaveItsTree) {
  Open();
  AttemptEnd end = RunAndThen(SelfTest("tree"), "leaving processes behind", [&] {
    for (pid_t pid : AttemptProcesses()) kill(pid, SIGSTOP);
    supervisor_->Stop(Ref(1), StopReason::kReset, true);
  });
  // With its end, or a moment later: the collector's may have been told before all was stopped.
  EXPECT_TRUE(
      witness_.Until([&] { return end.released || witness_.released.contains(Ref(1)); }));
  EXPECT_TRUE(NothingIsLeft());
}

TEST_F(SupervisorTest, AllocatingWithoutEndIsOutOfMemory) {
  Open();
  AttemptSpec spec = SelfTest("memory");
  spec.limits.memory_bytes = 256 << 20;
  AttemptEnd end = Run(std::move(spec));
  EXPECT_EQ(end.stop, StopReason::kMemory);
  EXPECT_EQ(end.stop_detail, "limit 256 MiB");
}

TEST_F(SupervisorTest, TheMemoryOfATreeCountsAsAWhole) {
  Open();
  // Four shells of some megabytes each stay below a limit that they break together.
  AttemptSpec spec = Command({"/bin/sh", "-c",
                              "for i in 1 2 3 4; do (a=$(head -c 12000000 /dev/zero | tr '\\0' x); "
                              "sleep 60; :) & done; wait"});
  spec.limits.memory_bytes = 32 << 20;
  EXPECT_EQ(Run(std::move(spec)).stop, StopReason::kMemory);
  EXPECT_TRUE(NothingIsLeft());
}

TEST_F(SupervisorTest, AFloodOfOutputIsCutAndCounted) {
  Open();
  AttemptEnd end = Run(SelfTest("flood", 1, R"({"mb": 50})"));
  EXPECT_TRUE(end.result && end.result->completed);
  std::int64_t bytes = 0;
  for (const Event& event : witness_.events[Ref(1)]) {
    if (auto* log = std::get_if<LogEvent>(&event))
      bytes += static_cast<std::int64_t>(log->message.size()) + 1;
  }
  EXPECT_GT(bytes, 100'000);
  EXPECT_LT(bytes, 8 << 20);
  EXPECT_EQ(bytes + witness_.lost.bytes, 50LL * 1024 * 1024) << "every byte is accounted for";
}

TEST_F(SupervisorTest, ACommandIsSpokenToByItsStreams) {
  Open();
  AttemptSpec spec = Command(
      {"/bin/sh", "-c",
       "read job; echo \"$job\"; echo oops >&2; echo '{\"type\":\"progress\",\"percent\":40}'; "
       "echo $FORAGER_JOB_ID $FORAGER_ATTEMPT; pwd; echo $TMPDIR"});
  std::string json = spec.job_json;
  AttemptEnd end = Run(std::move(spec));
  EXPECT_EQ(std::get<Exited>(end.process).code, 0);
  EXPECT_FALSE(end.builtin);
  std::string scratch = fmt::format("{}/scratch/{}-1", dir_, Ref(1).job_id);
  for (const std::string& line : {json, std::string("oops"), Ref(1).job_id + " 1", scratch}) {
    EXPECT_TRUE(witness_.Said(Ref(1), line)) << line;
  }
}

TEST_F(SupervisorTest, WhatACommandLeavesInItsScratchDirectoryIsRemoved) {
  Open();
  Run(Command({"/bin/sh", "-c", "mkdir -p a/b; echo x > a/b/c; chmod 0 a/b"}));
  EXPECT_TRUE(witness_.Until([&] { return std::filesystem::is_empty(dir_ + "/scratch"); }));
}

TEST_F(SupervisorTest, ACommandThatCannotBeExecutedSaysWhy) {
  Open();
  AttemptEnd end = Run(Command({"/no/such/program"}));
  auto& why = std::get<NotStarted>(end.process);
  EXPECT_FALSE(why.resources);
  EXPECT_EQ(why.reason, "cannot start /no/such/program: No such file or directory");
  EXPECT_TRUE(end.released);
  EXPECT_FALSE(witness_.started.contains(Ref(1)));
}

TEST_F(SupervisorTest, WithoutDescriptorsNothingIsStartedAndDispatchWaits) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the undefined behaviour sanitizer needs descriptors of its own";
#endif
  Open();
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit low = before;
  low.rlim_cur = 3;
  setrlimit(RLIMIT_NOFILE, &low);
  supervisor_->Start(SelfTest("ok"));
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_FALSE(supervisor_->CanStart());
  ASSERT_TRUE(witness_.Until([&] { return witness_.ended.contains(Ref(1)); }));
  EXPECT_TRUE(std::get<NotStarted>(witness_.ended[Ref(1)].process).resources);
  EXPECT_TRUE(witness_.Until([&] { return supervisor_->CanStart(); })) << "it may try again";
  EXPECT_TRUE(Run(SelfTest("ok", 2)).result->completed);
}

TEST_F(SupervisorTest, TheDeathOfTheKeeperEndsItsAttemptsAndOnlyThem) {
  Open();
  int keeper = supervisor_->figures().keeper_pid;
  supervisor_->Start(SelfTest("tree", 2));
  ASSERT_TRUE(witness_.Until([&] { return witness_.Said(Ref(2), "leaving processes behind"); }));
  AttemptEnd end = RunAndThen(SelfTest("sleep"), "sleeping", [&] { kill(keeper, SIGKILL); });
  EXPECT_TRUE(std::holds_alternative<KeeperLost>(end.process));
  ASSERT_TRUE(
      witness_.Until([&] { return supervisor_->CanStart() && supervisor_->Live().empty(); }));
  EXPECT_TRUE(witness_.ended[Ref(2)].released || witness_.released.contains(Ref(2)));
  // The new keeper sweeps up in the background.
  EXPECT_TRUE(witness_.Until([&] { return NothingIsLeft(); }));
  EXPECT_NE(supervisor_->figures().keeper_pid, keeper);
  EXPECT_EQ(witness_.restarts.size(), 1u);
  EXPECT_TRUE(Run(SelfTest("ok", 3)).result->completed);
}

TEST_F(SupervisorTest, AFrozenKeeperIsReplacedWithinSevenSeconds) {
  Open();
  int keeper = supervisor_->figures().keeper_pid;
  os::Steady frozen{};
  AttemptEnd end = RunAndThen(SelfTest("ok", 1, R"({"ms": 600000})"), "working", [&] {
    kill(keeper, SIGSTOP);
    frozen = os::SystemClock().SteadyNow();
  });
  EXPECT_TRUE(std::holds_alternative<KeeperLost>(end.process));
  EXPECT_LT(witness_.ended_at[Ref(1)] - frozen, seconds(7));
  ASSERT_TRUE(witness_.Until([&] { return supervisor_->CanStart(); }));
  EXPECT_TRUE(Run(SelfTest("ok", 2)).result->completed);
}

TEST_F(SupervisorTest, NothingOutlivesAKilledServer) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, 0), 0);
  auto server = os::Fork();
  ASSERT_TRUE(server);
  if (*server == 0) {
    dup2(ends[1], 1);
    execl("/proc/self/exe", "supervisor_test", "server", dir_.c_str(), nullptr);
    _exit(127);
  }
  close(ends[1]);
  char said[8];
  ASSERT_EQ(read(ends[0], said, sizeof said), 6) << "the server did not get ready";
  close(ends[0]);
  EXPECT_GE(AttemptProcesses().size(), 10u);
  kill(*server, SIGKILL);
  EXPECT_TRUE(witness_.Until([&] { return AttemptProcesses().empty(); }, seconds(5)));
  while (os::ReapAny(false).value_or(os::Reaped{}).pid > 0) {
  }
  Open();  // and the next server proves it
  EXPECT_TRUE(Run(SelfTest("ok")).result->completed);
}

TEST_F(SupervisorTest, ABuiltInCollectorIsPoor) {
  std::ofstream(dir_ + "/secret") << "token";
  Open(os::IsRoot() ? "nobody" : "");
  AttemptSpec spec = SelfTest("probe");
  spec.collector = "probe";
  AttemptEnd end = Run(std::move(spec));
  ASSERT_TRUE(end.result && end.result->completed) << witness_.Output(Ref(1));
  EXPECT_TRUE(witness_.Said(Ref(1), "descriptors: 0 1 2 3 4 ")) << witness_.Output(Ref(1));
  for (const char* line :
       {"ptrace: Operation not permitted", "unshare: Operation not permitted",
        "mount: Operation not permitted", "exec: Operation not permitted",
        "bpf: Operation not permitted", "secret: Permission denied", "proc: Permission denied",
        "etc: allowed", "write outside: Permission denied", "write scratch: allowed", "nice: 10",
        "no new privileges: 1"}) {
    EXPECT_TRUE(witness_.Said(Ref(1), line)) << line << "\n" << witness_.Output(Ref(1));
  }
  EXPECT_FALSE(witness_.Said(Ref(1), "user: 0"));
}

TEST_F(SupervisorTest, ACommandCannotReadTheDataDirectory) {
  std::ofstream(dir_ + "/secret") << "token";
  Open(os::IsRoot() ? "nobody" : "");
  Run(Command({"/bin/sh", "-c",
               fmt::format("cat {0}/secret || echo refused; echo x > {0}/new || echo refused too; "
                           "echo y > mine && cat mine",
                           dir_)}));
  EXPECT_TRUE(witness_.Said(Ref(1), "refused")) << witness_.Output(Ref(1));
  EXPECT_TRUE(witness_.Said(Ref(1), "refused too"));
  EXPECT_TRUE(witness_.Said(Ref(1), "y"));
  EXPECT_FALSE(witness_.Said(Ref(1), "token"));
}

TEST_F(SupervisorTest, SecretsOfTheServerAreNotInTheEnvironment) {
  setenv("ANTHROPIC_API_KEY", "sk-secret", 1);
  Open();
  Run(Command({"/usr/bin/env"}));
  unsetenv("ANTHROPIC_API_KEY");
  EXPECT_EQ(witness_.Output(Ref(1)).find("sk-secret"), std::string::npos);
}

TEST_F(SupervisorTest, AnUnknownUserIsAnErrorOfTheStart) {
  if (!os::IsRoot()) GTEST_SKIP() << "run_as is for root";
  auto made =
      Supervisor::Make(*loop_, os::SystemClock(), {dir_, "no-such-user", {}, {}}, witness_);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().detail, "run_as: there is no user \"no-such-user\"");
}

TEST_F(SupervisorTest, ManyAttemptsAtOnceAllEnd) {
  Open();
  constexpr int kCount = 60;
  for (int i = 1; i <= kCount; ++i)
    supervisor_->Start(SelfTest(i % 3 ? "ok" : "segfault", i, R"({"ms": 20})"));
  EXPECT_TRUE(witness_.Until([&] { return witness_.ended.size() == kCount; }));
  EXPECT_TRUE(NothingIsLeft());
  EXPECT_EQ(supervisor_->figures().started, static_cast<std::uint64_t>(kCount));
}

TEST_F(SupervisorTest, AJobLargerThanAPipeArrives) {
  Open();
  std::string filters = fmt::format(R"({{"ms": 0, "text": "{}"}})", std::string(100'000, 'x'));
  EXPECT_TRUE(Run(SelfTest("ok", 1, filters)).result->completed);
}

}  // namespace
}  // namespace forager::supervisor
