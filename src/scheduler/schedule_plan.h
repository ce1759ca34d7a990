// What becomes of a schedule that is due: which of its due times run, which were missed, what comes
// next. A function of the schedule and the time; the store decides whether it still holds.
#pragma once

#include "store/store.h"

namespace forager::scheduler {

// `schedule` is due: its next_run_at is not after `now`.
store::ScheduleStep PlanStep(const Schedule& schedule, WallTime now);

}  // namespace forager::scheduler
