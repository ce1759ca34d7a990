#include "job/retry_policy.h"

#include <algorithm>
#include <cmath>

namespace forager {

bool Retryable(ErrorClass error_class) {
  switch (error_class) {
    case ErrorClass::kTransient:
    case ErrorClass::kCrashed:
    case ErrorClass::kHeartbeatLost:
    case ErrorClass::kStalled:
    case ErrorClass::kInterrupted:
    case ErrorClass::kNodeLost:
      return true;
    default:
      return false;
  }
}

bool IsGivenBack(ErrorClass error_class) {
  return error_class == ErrorClass::kInterrupted || error_class == ErrorClass::kNodeLost;
}

Millis InterruptionPause(int before) {
  constexpr int kAtOnce = 2;
  constexpr Millis kFirst{1'000}, kLongest{60'000};
  if (before < kAtOnce) return Millis{0};
  return std::min(kFirst * (1 << std::min(before - kAtOnce, 20)), kLongest);
}

Millis Backoff(const RetryPolicy& policy, int tries, std::optional<Millis> retry_after,
               double random) {
  double wait =
      static_cast<double>(policy.backoff.count()) * std::exp2(std::clamp(tries - 1, 0, 40));
  wait = std::min(wait, static_cast<double>(policy.max_backoff.count()));
  wait *= 0.9 + 0.2 * random;
  Millis backoff{std::llround(wait)};
  return retry_after ? std::max(backoff, *retry_after) : backoff;
}

}  // namespace forager
