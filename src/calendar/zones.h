// Time zones by their IANA name, from the system's tzdata. A file that was replaced (tzdata is
// updated several times a year) is read again. Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "calendar/zone.h"

namespace forager::calendar {

inline constexpr const char* kZoneFolder = "/usr/share/zoneinfo";

// Null when there is no such zone. "UTC" is always there.
std::shared_ptr<const Zone> FindZone(const std::string& name,
                                     const std::string& folder = kZoneFolder);

}  // namespace forager::calendar
