// How an attempt ended: what its process did, why it was stopped if it was, what it said last.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "job/error_class.h"
#include "job/event.h"
#include "job/job.h"
#include "job/retry_policy.h"

namespace forager {

struct Exited {
  int code = 0;
};
struct Signaled {
  int signal = 0;
};
struct NotStarted {
  std::string reason;
  bool resources = false;  // EAGAIN, EMFILE, ENOMEM
  bool machine = false;    // another step failed that the job has no part in
};
struct KeeperLost {};
using ProcessEnd = std::variant<Exited, Signaled, NotStarted, KeeperLost>;

enum class StopReason {
  kNone,
  kHeartbeatLost,
  kStalled,
  kTimedOut,
  kMemory,
  kProcesses,
  kScratch,
  kCancel,
  kReset,
  kInterrupt,
  kFenced,
  kLeaseLost,
  kSaidAll,  // it has said its result, and does not end
  kRefused,  // what it says cannot be taken
};

struct Usage {
  std::int64_t cpu_user_ms = 0;
  std::int64_t cpu_system_ms = 0;
  std::int64_t max_rss_kb = 0;
  int survivors = 0;
};

struct AttemptEnd {
  ProcessEnd process;
  StopReason stop = StopReason::kNone;
  bool builtin = true;  // a built-in collector must say a result; a command need not
  std::optional<ResultEvent> result;
  bool no_turn = false;                 // the host had no turn for it in time: not its fault
  std::optional<Usage> usage;           // none while the tree is not proven empty
  bool released = false;                // the tree is proven empty
  std::optional<std::string> snapshot;  // JSON
  std::string stop_detail;              // e.g. "nothing heard for 30 s"
  std::string last_words;               // what its output says of its death; "": nothing
  bool out_of_memory = false;           // says its output
};

// The outcome in the words of the store: completed, cancelled, or an error class with its sentence.
struct Completed {};
struct Cancelled {};
struct Failed {
  ErrorClass error_class;
  std::string message;
  std::optional<Millis> retry_after;
  // For want of resources: given back without limit, since dispatch waits for them.
  bool not_started = false;
  bool no_turn = false;  // others had all turns of the host: waits for it, uses no try
};
using Outcome = std::variant<Completed, Cancelled, Failed>;

// Contract section 8: cancel wins, a crash beats a completed result of a command, and so on.
// `cancel_requested`: the job's row says so. `timeout` only words the message of a deadline.
Outcome Judge(const AttemptEnd& end, bool cancel_requested, Millis timeout);

// "outcome" of the attempt's row.
std::string OutcomeName(const Outcome& outcome);

// What becomes of a running job with that outcome.
struct Decision {
  Transition by = Transition::kFail;  // kComplete, kFail, kRetry, kCancel, kInterrupt
  Millis delay{0};                    // of a retry or an interruption
  bool counts_try = false;
  bool counts_crash = false;
  bool counts_interruption = false;
};
// `random` in [0,1) makes the jitter.
Decision Decide(const Job& job, const Outcome& outcome, const RetryPolicy& policy, double random);

}  // namespace forager
