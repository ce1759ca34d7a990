// The last word on one attempt: what is known of it, and how it becomes one store transaction.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "job/outcome.h"
#include "os/clock.h"
#include "scheduler/policy.h"
#include "store/store.h"

namespace forager::scheduler {

struct Ending {
  AttemptRef ref;
  AttemptEnd end;
  WallTime at{};                 // when it ended, which may be long before it can be written
  std::optional<Failed> forced;  // of an attempt that got no process, or whose words were refused
  RetryPolicy retry;
  Millis timeout{};
  std::optional<int> pid;   // not stored yet
  store::AttemptNews news;  // not stored yet
  std::string entity_type;
  os::Steady ended{};                        // the same as `at`
  std::optional<Usage> released_later;       // the tree was proven empty after the end
  bool cancelled = false;                    // by an order that could not be stored
  std::optional<store::ResetOrder> reset{};  // by an order that could not be stored
  bool requeue = false;                      // by the reset
  std::optional<Millis> ran{};               // from its claim to its end
  std::size_t held = 0;                      // bytes of the news
  int refusals = 0;                          // by the database, for what it says
};

struct Written {
  Decision decision;
  Outcome outcome;
  WallTime run_at{};  // of the next try
  bool in_time =
      false;  // false: the job had left this attempt; nothing changed but the attempt's own row
};

// For a row in running of which no process is left and no end was heard.
Ending EndingWithoutProcess(const store::RunningJob& running, Failed why, const Policy& policy,
                            WallTime now);

// Appends `newer` to `news`.
void Append(store::AttemptNews& news, store::AttemptNews newer);

// Judges the end against the job's row and makes the transition that follows. `random` in [0,1) is
// the jitter.
Result<Written> WriteEnding(store::Store& store, const Ending& ending, double random);

// Those of attempts of different jobs, without waiting for each by itself.
Result<std::vector<Written>> WriteEndings(store::Store& store, std::span<const Ending> endings);

// The contract's log lines of an end that was written in time.
void LogEnding(const Ending& ending, const Written& written);

}  // namespace forager::scheduler
