// Rows become the values of job/job.h. A time that a person wrote unreadably is read as none.
#pragma once

#include "job/job.h"
#include "store/database.h"
#include "store/store.h"

namespace forager::store {

Job ReadJob(const Rows& rows);          // columns: job_columns
Attempt ReadAttempt(const Rows& rows);  // columns: attempt_columns
Change ReadChange(const Rows& rows);
LogLine ReadLogLine(const Rows& rows);
// Columns: running_columns. `lease_now`: the clock that leases are kept by.
RunningJob ReadRunningJob(const Rows& rows, WallTime lease_now);

// The `refs` of a statement.
std::string WriteRefs(std::span<const AttemptRef> refs);
std::string WriteRefs(std::span<const ResetOrder> orders);
std::string WriteRefs(std::span<const std::string> names);  // no attempts

inline std::int64_t UnixMillis(WallTime time) { return time.time_since_epoch().count(); }

}  // namespace forager::store
