// The sentences about starting jobs: why one was started, or was not.
#pragma once

#include <string>

#include "store/store.h"

namespace forager::api {

// The message of POST /jobs/execute-pending.
std::string ExecutePendingMessage(const store::ClaimResult& claim, int max_running);
// Why this job was not claimed by name.
Error NotStarted(const Job& job, const store::ClaimResult& claim, int max_running);

}  // namespace forager::api
