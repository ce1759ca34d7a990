// The address that people type: of a host, or of a path on it where a proxy serves us.
#pragma once

#include <string>
#include <string_view>

namespace forager::app {

// http or https, a host, perhaps a port, perhaps a path; it ends in no slash.
bool IsPublicUrl(std::string_view url);
// "" or "/forager".
std::string BasePath(std::string_view public_url);

}  // namespace forager::app
