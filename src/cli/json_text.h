// JSON for people and pipes: members in the order given, numbers as people write them, and nothing
// in it that a terminal would obey. Used by every command with --output json and jsonl.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "job/error.h"
#include "job/time.h"

namespace forager::cli {

std::string CompactJson(const boost::json::value& value);
std::string PrettyJson(const boost::json::value& value, int indent = 0);

// The member at "progress.percent"; null when there is none. The value lives as long as `value`.
const boost::json::value& At(const boost::json::value& value, std::string_view path);
// What a person reads: text without quotes, numbers, true, compact JSON of the rest; "" for null.
std::string TextAt(const boost::json::value& value, std::string_view path);
// Held to +-10^13, so that no sum or product of it leaves its type.
std::optional<double> NumberAt(const boost::json::value& value, std::string_view path);
std::int64_t WholeAt(const boost::json::value& value, std::string_view path,
                     std::int64_t fallback = 0);
std::optional<WallTime> TimeAt(const boost::json::value& value, std::string_view path);
bool IsTrue(const boost::json::value& value, std::string_view path);

}  // namespace forager::cli
