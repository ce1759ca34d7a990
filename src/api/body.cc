#include "api/body.h"

#include <algorithm>
#include <boost/json.hpp>

#include "api/problem.h"

namespace forager::api {

namespace json = boost::json;

struct Body::Object {
  json::object members;
};

Body::Body(std::unique_ptr<Object> object, std::string prefix)
    : object_(std::move(object)), prefix_(std::move(prefix)) {}
Body::~Body() = default;
Body::Body(Body&&) noexcept = default;
Body& Body::operator=(Body&&) noexcept = default;

Result<Body> Body::Checked(std::unique_ptr<Object> object, std::string prefix,
                           const std::vector<std::string_view>& members) {
  std::vector<FieldError> unknown;
  for (const auto& member : object->members) {
    std::string_view name(member.key().data(), member.key().size());
    if (std::ranges::find(members, name) != members.end()) continue;
    unknown.push_back({prefix + std::string(name.substr(0, 100)), "is not a known member"});
    if (unknown.size() == 20) break;
  }
  if (!unknown.empty()) return std::unexpected(WrongFields(std::move(unknown)));
  return Body(std::move(object), std::move(prefix));
}

Result<Body> Body::Parse(std::string_view text, const std::vector<std::string_view>& members) {
  auto object = std::make_unique<Object>();
  if (text.find_first_not_of(" \t\r\n") != text.npos) {
    json::parse_options options;
    options.max_depth = 16;
    boost::system::error_code error;
    json::value value = json::parse({text.data(), text.size()}, error, {}, options);
    if (error) return Fail(ErrorCode::kMalformed, "The body is not valid JSON.");
    if (!value.is_object()) {
      return Fail(ErrorCode::kInvalid, "The body must be a JSON object.");
    }
    object->members = std::move(value.get_object());
  }
  return Checked(std::move(object), "", members);
}

Result<Body> Body::Inner(std::string_view name,
                         const std::vector<std::string_view>& members) const {
  auto object = std::make_unique<Object>();
  const json::value* value = object_->members.if_contains({name.data(), name.size()});
  if (value && value->is_object()) object->members = value->get_object();
  return Checked(std::move(object), Path(name) + ".", members);
}

Body::Kind Body::Of(std::string_view name) const {
  const json::value* value = object_->members.if_contains({name.data(), name.size()});
  if (!value || value->is_null()) return Kind::kAbsent;
  if (value->is_string()) return Kind::kText;
  if (value->is_bool()) return Kind::kBool;
  if (value->is_object()) return Kind::kObject;
  if (value->is_array() && std::ranges::all_of(value->get_array(), [](const json::value& item) {
        return item.is_string();
      })) {
    return Kind::kTexts;
  }
  return Kind::kOther;
}

std::string Body::Text(std::string_view name) const {
  return std::string(object_->members.at({name.data(), name.size()}).as_string());
}

bool Body::Bool(std::string_view name) const {
  return object_->members.at({name.data(), name.size()}).as_bool();
}

std::vector<std::string> Body::Texts(std::string_view name) const {
  std::vector<std::string> texts;
  for (const json::value& item : object_->members.at({name.data(), name.size()}).as_array()) {
    texts.emplace_back(item.as_string());
  }
  return texts;
}

}  // namespace forager::api
