// The cookie of a dashboard session: set by the login, taken away by the logout.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "api/call.h"

namespace forager::api {

std::string SessionCookie(const Call& call, std::string_view secret, std::chrono::seconds life);

}  // namespace forager::api
