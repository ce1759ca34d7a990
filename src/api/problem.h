// Errors as answers: application/problem+json (RFC 9457), one clear sentence each.
#pragma once

#include <string>
#include <string_view>

#include "http/server.h"
#include "job/error.h"

namespace forager::api {

http::Response ProblemOf(const Error& error);
// One wrong field: 422.
Error WrongField(std::string field, std::string message);
// Several: the detail is made of the first.
Error WrongFields(std::vector<FieldError> fields);

}  // namespace forager::api
