// JOB-<unix seconds>-<12 of 0-9A-Z>: sortable by time, unique without asking anybody.
#pragma once

#include <string>
#include <string_view>

#include "job/time.h"

namespace forager {

// The suffix begins with a process-wide counter, so ids made in one second keep their order and
// inserts stay at the right edge of the index; the rest is random. Thread-safe.
std::string MakeJobId(WallTime now);
bool IsJobId(std::string_view text);

}  // namespace forager
