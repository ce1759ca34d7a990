// Why an attempt did not complete, and what follows from it by default.
#pragma once

#include <optional>
#include <string_view>

namespace forager {

enum class ErrorClass {
  kTransient,      // network, 408/425/429/5xx, rate limit
  kCrashed,        // a signal, a non-zero exit, any limit hit
  kHeartbeatLost,  // nothing heard for heartbeat_timeout
  kStalled,        // no progress for stall_timeout
  kInterrupted,    // the server stopped, or its keeper died
  kNodeLost,       // the lease ran out
  kPermanent,      // the collector says so
  kUnmetExpectation,  // it did its work, and what it found is not what was expected
  kInvalid,        // the job lacks what it needs
  kUnknownEntityType,
  kMissingApiKey,
  kBudgetExceeded,
  kTimedOut,  // the supervisor's deadline
  kReset,     // the monitor or reset-stuck
};

std::string_view Name(ErrorClass error_class);
std::optional<ErrorClass> ParseErrorClass(std::string_view name);

}  // namespace forager
