// Wall times as stored and shown. Durations and deadlines never use these: they use os/clock.h's
// steady reading.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace forager {

using Millis = std::chrono::milliseconds;
using WallTime = std::chrono::sys_time<Millis>;

// RFC 3339 in UTC with milliseconds: 2026-11-23T10:00:00.123Z.
std::string FormatRfc3339(WallTime time);
// RFC 3339 with any offset, and with 0 to 9 fraction digits; years 1970 to 9999.
std::optional<WallTime> ParseRfc3339(std::string_view text);

// The store's text form, sortable: 2026-11-23 10:00:00.123.
std::string FormatSqlTime(WallTime time);
// Also without milliseconds, or with T and Z: what a person at a database shell writes.
std::optional<WallTime> ParseSqlTime(std::string_view text);

// "500ms", "30s", "10m", "1h", "1.5h".
std::optional<Millis> ParseDuration(std::string_view text);
// The shortest exact form in the same units.
std::string FormatDuration(Millis duration);
// A number of minutes in its shortest decimal form: 30, 0.5, 12.25.
std::string FormatMinutes(Millis duration);

}  // namespace forager
