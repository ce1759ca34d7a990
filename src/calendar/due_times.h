// When a cron expression is due in a time zone, across clock changes: a time that does not exist is
// due at the first moment after the gap, a time that exists twice the first time; an expression
// that names every hour counts on through both.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "calendar/cron.h"
#include "calendar/zone.h"
#include "job/time.h"

namespace forager::calendar {

// The first due time after `after`; none within 40 years.
std::optional<WallTime> NextDue(const Cron& cron, const Zone& zone, WallTime after);
std::vector<WallTime> NextDues(const Cron& cron, const Zone& zone, WallTime after, int count);

// The due times from `first` (one itself) to `until`, both included, however many they are.
struct PastDue {
  std::vector<WallTime> newest;  // at most `keep`, ascending
  std::int64_t count = 0;        // of all, counted up to 10,000
};
PastDue FindPastDue(const Cron& cron, const Zone& zone, WallTime first, WallTime until, int keep);

// "2026-11-24T02:30:00+01:00"
std::string FormatLocal(const Zone& zone, WallTime time);

}  // namespace forager::calendar
