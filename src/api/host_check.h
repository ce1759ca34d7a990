// Which Host (and Origin) headers we answer to: without it, a web page that points a name of its
// own at 127.0.0.1 could talk to us (DNS rebinding).
#pragma once

#include <string_view>

#include "api/api.h"

namespace forager::api {

// Loopback names and addresses, the listen address, allowed_hosts, public_url; any port.
bool HostAllowed(const ApiOptions& options, std::string_view host);
// "https://HOST[:PORT]" with such a host.
bool OriginAllowed(const ApiOptions& options, std::string_view origin);

}  // namespace forager::api
