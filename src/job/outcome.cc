#include "job/outcome.h"

#include <fmt/format.h>
#include <signal.h>

namespace forager {
namespace {

constexpr Millis kShortestTurnRetry{1'000};
constexpr Millis kNotStartedPause{1'000};

std::string SignalWords(int signal) {
  const char* name = sigabbrev_np(signal);
  const char* text = sigdescr_np(signal);
  return fmt::format("killed by signal {} (SIG{}: {})", signal, name ? name : "?",
                     text ? text : "unknown");
}

std::string WithDetail(std::string message, const std::string& detail) {
  return detail.empty() ? message : message + ": " + detail;
}

// The supervisor stopped it: the reason for that is the reason of the end.
std::optional<Outcome> JudgeStop(const AttemptEnd& end, Millis timeout) {
  switch (end.stop) {
    case StopReason::kNone:
    case StopReason::kSaidAll:
      return std::nullopt;
    case StopReason::kHeartbeatLost:
      return Failed{ErrorClass::kHeartbeatLost, WithDetail("No heartbeat", end.stop_detail), {}};
    case StopReason::kStalled:
      return Failed{ErrorClass::kStalled, WithDetail("No progress", end.stop_detail), {}};
    case StopReason::kTimedOut:
      return Failed{
          ErrorClass::kTimedOut,
          fmt::format("Job timed out after running for more than {} minutes. {}",
                      FormatMinutes(timeout),
                      end.stop_detail.empty() ? "It was still working." : end.stop_detail),
          {}};
    case StopReason::kMemory:
      return Failed{ErrorClass::kCrashed, WithDetail("Out of memory", end.stop_detail), {}};
    case StopReason::kProcesses:
    case StopReason::kScratch:
      return Failed{ErrorClass::kCrashed,
                    end.stop_detail.empty() ? "A limit was exceeded" : end.stop_detail,
                    {}};
    case StopReason::kCancel:
      return Cancelled{};
    case StopReason::kReset:
    case StopReason::kFenced:
      return Failed{ErrorClass::kReset, "The job was taken from this attempt", {}};
    case StopReason::kInterrupt:
      return Failed{ErrorClass::kInterrupted, "The server was shutting down", {}};
    case StopReason::kRefused:
      return Failed{ErrorClass::kPermanent, "What the attempt said could not be taken", {}};
    case StopReason::kLeaseLost:
      return Failed{
          ErrorClass::kNodeLost,
          "The server could not renew its lease, so its attempts were ended before others "
          "may start them",
          {}};
  }
  return std::nullopt;
}

// What it said last is its end.
Outcome JudgeResult(const AttemptEnd& end) {
  const ResultEvent& result = *end.result;
  if (result.completed) return Completed{};
  Failed failed{result.error_class,
                result.error.empty() ? "The collector failed and did not say why" : result.error,
                result.retry_after};
  failed.no_turn = end.no_turn && result.error_class == ErrorClass::kTransient;
  return failed;
}

// What shells mean by it.
std::string ExitWords(int code) {
  if (code == 126) return " (a command that cannot be executed)";
  if (code == 127) return " (a command that was not found)";
  const char* name = code > 128 ? sigabbrev_np(code - 128) : nullptr;
  return name ? fmt::format(" (128 + {}: SIG{} ended a process of it)", code - 128, name) : "";
}

Outcome Crash(const AttemptEnd& end, std::string how) {
  if (end.out_of_memory) how = fmt::format("Out of memory ({})", how);
  return Failed{ErrorClass::kCrashed, WithDetail(std::move(how), end.last_words), {}};
}

Outcome JudgeExit(const AttemptEnd& end, int code) {
  if (end.result && (end.builtin || !end.result->completed)) return JudgeResult(end);
  if (end.builtin) {
    return Crash(end, fmt::format("The collector exited with code {} and without a result", code));
  }
  if (code == 0) return Completed{};
  return Crash(end, fmt::format("The command exited with code {}{}", code, ExitWords(code)));
}

}  // namespace

Outcome Judge(const AttemptEnd& end, bool cancel_requested, Millis timeout) {
  if (cancel_requested) return Cancelled{};
  if (const auto* failed = std::get_if<NotStarted>(&end.process)) {
    bool own = !failed->resources && !failed->machine;
    return Failed{own ? ErrorClass::kInvalid : ErrorClass::kInterrupted,
                  failed->reason,
                  {},
                  failed->resources};
  }
  // Who has said its result has ended by itself, whatever stopped it then; unless the job was not
  // its own any more.
  bool taken = end.stop == StopReason::kReset || end.stop == StopReason::kFenced ||
               end.stop == StopReason::kCancel;
  bool stopped = end.stop != StopReason::kNone || std::holds_alternative<KeeperLost>(end.process);
  if (end.result && !taken && (stopped || !end.result->completed)) return JudgeResult(end);
  if (auto why = JudgeStop(end, timeout)) return *why;
  if (std::holds_alternative<KeeperLost>(end.process)) {
    return Failed{ErrorClass::kInterrupted, "The keeper of its process died", {}};
  }
  if (const auto* killed = std::get_if<Signaled>(&end.process))
    return Crash(end, "The process was " + SignalWords(killed->signal));
  return JudgeExit(end, std::get<Exited>(end.process).code);
}

std::string OutcomeName(const Outcome& outcome) {
  if (std::holds_alternative<Completed>(outcome)) return "completed";
  if (std::holds_alternative<Cancelled>(outcome)) return "cancelled";
  return std::string(Name(std::get<Failed>(outcome).error_class));
}

Decision Decide(const Job& job, const Outcome& outcome, const RetryPolicy& policy, double random) {
  if (std::holds_alternative<Completed>(outcome))
    return {Transition::kComplete, Millis{0}, true, false};
  if (std::holds_alternative<Cancelled>(outcome))
    return {Transition::kCancel, Millis{0}, false, false};
  const auto& failed = std::get<Failed>(outcome);
  bool given_back = IsGivenBack(failed.error_class);
  if (given_back && failed.not_started)
    return {Transition::kInterrupt, kNotStartedPause, false, false, false};
  if (given_back && job.interruptions < policy.max_interruptions)
    return {Transition::kInterrupt, InterruptionPause(job.interruptions), false, false, true};
  if (failed.no_turn) {  // those that were refused together come back one after the other
    Millis wait = std::max(failed.retry_after.value_or(Millis{0}), kShortestTurnRetry);
    return {Transition::kRetry, std::chrono::round<Millis>(wait * (1 + 0.2 * random)), false,
            false};
  }
  bool crash = failed.error_class == ErrorClass::kCrashed;
  int tries = job.tries_used + 1;
  int crashes = job.crashes + (crash ? 1 : 0);
  int allowed = job.max_attempts.value_or(policy.max_attempts);
  if (given_back || !Retryable(failed.error_class) || tries >= allowed ||
      (crash && crashes >= policy.max_crashes)) {
    return {Transition::kFail, Millis{0}, true, crash};
  }
  bool at_once = crash && crashes == 1 && !failed.retry_after;
  Millis delay = at_once ? Millis{0} : Backoff(policy, tries, failed.retry_after, random);
  return {Transition::kRetry, delay, true, crash};
}

}  // namespace forager
