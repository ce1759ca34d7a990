// All rows in state running, page by page. Each page is a read of its own, so that the time limit of a
// read bounds a page and never the number of rows. Calls back on the event loop.
#pragma once

#include <functional>
#include <vector>

#include "os/clock.h"
#include "scheduler/store_calls.h"

namespace forager::scheduler {

using TakePage = std::function<void(const std::vector<store::RunningJob>& rows)>;

// `then` once, after the last page or with the first page's failure: what was taken before it is
// not all.
void WalkRunning(StoreCalls& calls, const os::Clock& clock, TakePage take,
                 std::function<void(Result<void>)> then);

}  // namespace forager::scheduler
