// What a silent or stalled attempt is doing, taken before it is killed.
#pragma once

#include <sys/types.h>

#include <string>

#include "supervisor/attempt_clocks.h"

namespace forager::supervisor {

// A JSON object. `collector` and what runs below it; at most half a second.
std::string TakeSnapshot(pid_t collector, const AttemptClocks& clocks, os::Steady now);

}  // namespace forager::supervisor
