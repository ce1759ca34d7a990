// The way of every request: host, route, caller, role, parameters, then its handler on the right
// thread.
#pragma once

#include "api/call.h"

namespace forager::api {

// Answers the call, now or later. Never blocks, never throws.
void Enter(CallPtr call);

}  // namespace forager::api
