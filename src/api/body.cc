#include "api/body.h"

#include <boost/json.hpp>

#include "api/query.h"

namespace forager::api {

Result<boost::json::object> ReadBody(std::string_view text) {
  if (text.find_first_not_of(" \t\r\n") == text.npos) return boost::json::object();
  Result<boost::json::value> value = ParseJson(text);
  if (!value) return std::unexpected(value.error());
  if (!value->is_object()) return Fail(ErrorCode::kInvalid, "The body must be a JSON object");
  return std::move(value->get_object());
}

std::optional<std::string> ReadTypeName(MemberReader& reader, std::string_view name) {
  std::optional<std::string> text = reader.Text(name, 50);
  if (text && !IsTypeName(*text)) reader.Wrong(name, "must be 1 to 50 of a-z, 0-9 and _");
  return text;
}

}  // namespace forager::api
