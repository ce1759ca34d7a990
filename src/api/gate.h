// The way of every request: host, route, caller, role, parameters, then its handler on the right
// thread.
#pragma once

#include <functional>

#include "api/call.h"

namespace forager::api {

// Answers the call, now or later. Never blocks, never throws.
void Enter(CallPtr call);
// The same as far as the head of the request goes: calls `admitted`, and the body may come, or
// answers.
void EnterHead(CallPtr call, std::function<void()> admitted);

}  // namespace forager::api
