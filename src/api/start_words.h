// The sentences about starting jobs: why one was started, or was not.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "store/store.h"

namespace forager::api {

// The message of POST /jobs/execute-pending. `full_types`: entity types at their limit, if that is
// why.
std::string ExecutePendingMessage(const store::ClaimResult& claim, int max_running,
                                  const std::vector<std::string>& full_types);
// Why this job was not claimed by name.
Error NotStarted(const Job& job, const store::ClaimResult& claim,
                 const store::ClaimRequest& request);
// kConflict when this server starts nothing, whichever job it is.
std::optional<Error> NodeStartsNone(store::ClaimBlock block, const store::ClaimRequest& request);
// The same in words, for explain too.
std::string DrainedWords(const std::string& node);
std::string NodeFullWords(int capacity);

}  // namespace forager::api
