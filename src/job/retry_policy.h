// When a job is tried again, and how long it waits: exponential backoff with jitter, never before
// Retry-After, and a cap of its own for crashes.
#pragma once

#include <optional>

#include "job/error_class.h"
#include "job/time.h"

namespace forager {

struct RetryPolicy {
  int max_attempts = 3;  // tries in all, since the last requeue
  int max_crashes = 3;
  int max_interruptions = 20;  // a job that was given back so often fails the next time
  Millis backoff{60'000};      // base; doubles
  Millis max_backoff{24 * 3'600'000};
};

bool Retryable(ErrorClass error_class);
// The attempt did not fail: it was taken from its job (interrupted, node_lost).
bool IsGivenBack(ErrorClass error_class);

// The wait of a job that was given back `before` times since its last request: none for the first
// two, then doubling.
Millis InterruptionPause(int before);

// The wait before the next try. `tries` so far, this one included (1 = the first failed).
Millis Backoff(const RetryPolicy& policy, int tries, std::optional<Millis> retry_after,
               double random);

}  // namespace forager
