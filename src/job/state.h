// The state machine of a job: one table, printed by a test and compared with the docs. There is no
// way to set a state; a job moves by a named transition of the store (store/store.h).
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string_view>

namespace forager {

enum class State { kPending, kRunning, kCompleted, kFailed, kCancelled };

enum class Transition {
  kSubmit,           // -> pending
  kClaim,            // pending -> running
  kComplete,         // running -> completed
  kFail,             // running -> failed
  kRetry,            // running -> pending, with backoff
  kCancel,           // running -> cancelled, once its tree is gone
  kCancelPending,    // pending -> cancelled
  kReset,            // running -> failed, by the monitor or reset-stuck
  kResetAndRequeue,  // running -> pending, by reset-stuck?requeue=true
  kInterrupt,        // running -> pending, gives the attempt back
  kRequeue,          // failed, cancelled -> pending, manual retry
  kDelete,           // any but running -> gone
};

struct TransitionRule {
  std::optional<State> from;  // none: the job does not exist yet
  Transition by;
  std::optional<State> to;  // none: the job exists no more
};

// Every move there is.
std::span<const TransitionRule> TransitionTable();

// The state after `by` from `from`, or nothing when the table does not have that move.
bool Allowed(State from, Transition by);

std::string_view Name(State state);
std::string_view Name(Transition transition);
std::optional<State> ParseState(std::string_view name);
constexpr std::array<State, 5> kAllStates = {State::kPending, State::kRunning, State::kCompleted,
                                             State::kFailed, State::kCancelled};

}  // namespace forager
