// Which Host (and Origin) headers we answer to: without it, a web page that points a name of its
// own at 127.0.0.1 could talk to us (DNS rebinding).
#pragma once

#include <string_view>

#include "api/api.h"

namespace forager::api {

// Loopback names and addresses, the listen address, allowed_hosts, public_url; any port.
bool HostAllowed(const ApiOptions& options, std::string_view host);
// Whether a page of this origin is ours: scheme, host and port are those that the request was sent
// to
// (`host`, which is allowed), or those of public_url or of one of allowed_hosts. A port that is not
// written is the scheme's.
bool OriginAllowed(const ApiOptions& options, std::string_view origin, std::string_view host);

}  // namespace forager::api
