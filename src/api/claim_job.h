// Claims one job by its id, for the routes that start it.
#pragma once

#include "api/call.h"

namespace forager::api {

// The limits and the lease a claim of this server uses.
store::ClaimRequest ClaimOf(const Call& call, int count);
// kUnavailable while this server can start nothing: it stops, its keeper is not ready.
std::optional<Error> CannotStartNow(const Call& call);
// The job, now running; or none, and why it cannot start now (kConflict). A refusal is no failure
// of the transaction: what the claim mended on its way stays.
struct Claimed {
  std::optional<Job> job;
  Error refusal;
};
Result<Claimed> ClaimById(const Call& call, store::Store& store);

}  // namespace forager::api
