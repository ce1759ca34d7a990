// Rows become the values of job/job.h. A time that a person wrote unreadably is read as none.
#pragma once

#include "job/job.h"
#include "store/database.h"

namespace forager::store {

Job ReadJob(const Rows& rows);          // columns: job_columns
Attempt ReadAttempt(const Rows& rows);  // columns: attempt_columns
Change ReadChange(const Rows& rows);
LogLine ReadLogLine(const Rows& rows);

inline std::int64_t UnixMillis(WallTime time) { return time.time_since_epoch().count(); }

}  // namespace forager::store
