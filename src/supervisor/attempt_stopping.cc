// What the clocks of the attempts say, and the schedule by which they are stopped.
#include <signal.h>

#include <algorithm>

#include "os/child_process.h"
#include "os/orphans.h"
#include "os/shortage.h"
#include "supervisor/attempt_process.h"
#include "supervisor/attempt_supervisor.h"

namespace forager::supervisor {
namespace {

// The loop stood still for longer: the machine slept, or the server was stopped.
constexpr Millis kPause{3000};
// Of one that has said its result, after the grace it had before.
constexpr Millis kLastGrace{1000};
// Looks at attempts in one go: who stops many takes a snapshot of each.
constexpr Millis kMaxRound{100};

}  // namespace

void AttemptSupervisor::Tick() {
  os::Steady now = os::SystemClock().SteadyNow();
  auto pause = now - last_tick_ - kTick;
  last_tick_ = now;
  for (auto& [id, attempt] : attempts_) {
    if (pause > kPause) attempt->clocks.Forgive(pause);
    attempt->Refill();
  }
  keeper_.Tick();
  os::NoteShortage(Shortage());
  os::ReapOrphans();
}

void AttemptSupervisor::CheckDue() {
  armed_ = os::Steady::max();
  os::Steady now = clock_.SteadyNow();
  os::Steady start = os::SystemClock().SteadyNow();
  while (std::uint64_t id = looks_.Take(now)) {
    Check(id);
    if (os::SystemClock().SteadyNow() - start > kMaxRound) break;  // others have their turn
  }
  Arm();
}

void AttemptSupervisor::Check(std::uint64_t id) {
  RunningAttempt* attempt = attempts_.Find(id);
  if (!attempt) return;
  if (attempt->schedule.begun()) return RunSchedule(id);
  os::Steady now = clock_.SteadyNow();
  if (attempt->end_due()) return CheckEnd(*attempt, now);
  if (attempt->clocks.TakeLook(now)) look_.Ask(id);
  // What waits in the pipe was said in time: our being late is not the attempt's silence.
  if (attempt->clocks.Check(now) != StopReason::kNone) {
    attempt->Drain(now);
    AskForTurn(id);
  }
  if (attempt->end_due()) return CheckEnd(*attempt, now);
  StopReason reason = attempt->clocks.Check(now);
  if (reason == StopReason::kNone)
    return LookAt(id, std::max(attempt->clocks.Due(), now + Millis{1}));
  // It ended in time. The keeper says so in a moment, or is lost itself.
  if (attempt->pidfd && os::HasEnded(attempt->pidfd)) return LookAt(id, now + kTick);
  attempt->snapshot = snapshots_.Take(attempt->pid, attempt->clocks, now);
  StopFor(*attempt, reason, attempt->clocks.Explain(reason, now), false);
}

// It has said its result: no clock gives it another end, but it has to end. It is waited for as
// long as for one that was told to stop, then it is told, and soon killed.
void AttemptSupervisor::CheckEnd(RunningAttempt& attempt, os::Steady now) {
  if (now >= *attempt.end_due()) attempt.Drain(now);
  if (now < *attempt.end_due()) return LookAt(attempt.id(), *attempt.end_due());
  attempt.Note(LogLevel::kWarning, "It has said its result and does not end: it is ended");
  attempt.stop = StopReason::kSaidAll;
  attempt.schedule.Begin(now, std::min(attempt.grace(), kLastGrace), false);
  RunSchedule(attempt.id());
}

void AttemptSupervisor::LookAt(std::uint64_t id, os::Steady due) {
  looks_.Add(id, due);
  Arm();
}

// One timer for the nearest deadline. Deadlines that moved away are found out when it fires.
void AttemptSupervisor::Arm() {
  os::Steady due = looks_.Next();
  if (due >= armed_) return;
  armed_ = due;
  due_ = loop_.After(std::chrono::duration_cast<Millis>(due - clock_.SteadyNow()),
                     [this] { CheckDue(); });
}

void AttemptSupervisor::Stop(const AttemptRef& ref, StopReason reason, bool force) {
  RunningAttempt* attempt = attempts_.Find(ref);
  if (attempt && !attempt->ended) StopFor(*attempt, reason, "", force);
}

void AttemptSupervisor::StopFor(RunningAttempt& attempt, StopReason reason, std::string detail,
                                bool force) {
  os::Steady now = clock_.SteadyNow();
  if (attempt.stop == StopReason::kNone) {
    attempt.Drain(now);  // a result that was said before the order counts
    attempt.stop = reason;
    attempt.stop_detail = std::move(detail);
  }
  attempt.schedule.Begin(now, attempt.grace(), force);
  RunSchedule(attempt.id());
}

void AttemptSupervisor::RunSchedule(std::uint64_t id) {
  os::Steady now = clock_.SteadyNow();
  while (RunningAttempt* attempt = attempts_.Find(id)) {
    switch (attempt->schedule.Next(now)) {
      case StopSchedule::Step::kNothing:
        if (auto due = attempt->schedule.Due()) LookAt(id, *due);
        return;
      case StopSchedule::Step::kTerminate:
        Signal(*attempt, kStopSignal);
        break;
      case StopSchedule::Step::kKill:
        ++figures_.killed;
        Signal(*attempt, kKillSignal);
        break;
      case StopSchedule::Step::kDestroy:
        if (keeper_.namespaces()) {
          Signal(*attempt, SIGKILL);
        } else {  // SIGKILL would orphan the rest; it may be stopped
          Signal(*attempt, SIGCONT);
          Signal(*attempt, kKillSignal);
        }
        break;
      case StopSchedule::Step::kUnproven:
        if (attempt->keeper_lost && !attempt->ended)
          End(id, KeeperLost{}, false, std::nullopt);
        else if (!attempt->ended)
          End(id, Signaled{SIGKILL}, false, std::nullopt);
        break;
      case StopSchedule::Step::kQuarantine:
        ++figures_.quarantined;
        observer_.OnQuarantined(AttemptRef(attempt->ref()));
        break;
    }
  }
}

void AttemptSupervisor::Signal(RunningAttempt& attempt, int signal) {
  if (attempt.pidfd) {
    os::SendSignal(attempt.pidfd, signal);
  } else if (!attempt.keeper_lost) {
    keeper_.Send(SignalAttempt{attempt.id(), signal});
  }
}

}  // namespace forager::supervisor
