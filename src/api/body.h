// The small JSON bodies of the API: one object, read strictly with job/json_read.h.
#pragma once

#include <boost/json/fwd.hpp>
#include <optional>
#include <string_view>

#include "job/json_read.h"

namespace forager::api {

// An empty body is an empty object.
Result<boost::json::object> ReadBody(std::string_view text);

// 1-50 of [a-z0-9_]; wrong ones are named.
std::optional<std::string> ReadTypeName(MemberReader& reader, std::string_view name);

}  // namespace forager::api
