// Claims one job by its id, for the routes that start it.
#pragma once

#include "api/call.h"

namespace forager::api {

// The limits and the lease a claim of this server uses.
store::ClaimRequest ClaimOf(const Call& call, int count);
// kUnavailable while the server stops.
std::optional<Error> CannotStartNow(const Call& call);
// kNotFound, or kConflict saying why it cannot start now.
Result<Job> ClaimById(const Call& call, store::Store& store);

}  // namespace forager::api
