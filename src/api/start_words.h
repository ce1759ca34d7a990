// The sentences about starting jobs: why one was started, or was not.
#pragma once

#include <string>
#include <vector>

#include "store/store.h"

namespace forager::api {

// The message of POST /jobs/execute-pending. `full_types`: entity types at their limit, if that is
// why.
std::string ExecutePendingMessage(const store::ClaimResult& claim, int max_running,
                                  const std::vector<std::string>& full_types);
// Why this job was not claimed by name.
Error NotStarted(const Job& job, const store::ClaimResult& claim, int max_running);

}  // namespace forager::api
