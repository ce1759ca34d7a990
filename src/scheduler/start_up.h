// The start-up pass: what a server that died left running goes back to pending. Called once, when
// it is proven that none of its worker processes is alive, and before anything is claimed.
#pragma once

#include <map>
#include <string>

#include "scheduler/policy.h"
#include "store/store_service.h"

namespace forager::scheduler {

// How many jobs were given back.
Result<int> GiveBackOrphans(store::StoreService& store, const Policy& policy, WallTime now);

}  // namespace forager::scheduler
