#include "api/object_writer.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "job/codec.h"

namespace forager::api {

void ObjectWriter::Name(std::string_view name) {
  if (json_.size() > 1) json_ += ',';
  json_.append("\"").append(name).append("\":");
}

ObjectWriter& ObjectWriter::Text(std::string_view name, std::string_view value) {
  return Raw(name, WriteString(value));
}

ObjectWriter& ObjectWriter::TextOrNull(std::string_view name,
                                       const std::optional<std::string>& value) {
  return Raw(name, value ? WriteString(*value) : "null");
}

ObjectWriter& ObjectWriter::Time(std::string_view name, const std::optional<WallTime>& value) {
  return Raw(name, value ? '"' + FormatRfc3339(*value) + '"' : "null");
}

ObjectWriter& ObjectWriter::Int(std::string_view name, std::int64_t value) {
  return Raw(name, std::to_string(value));
}

ObjectWriter& ObjectWriter::Number(std::string_view name, const std::optional<double>& value) {
  return Raw(name, value && std::isfinite(*value) ? fmt::format("{}", *value) : "null");
}

ObjectWriter& ObjectWriter::Bool(std::string_view name, bool value) {
  return Raw(name, value ? "true" : "false");
}

ObjectWriter& ObjectWriter::Texts(std::string_view name, std::span<const std::string> values) {
  return Raw(name, WriteArray(values, [](const std::string& value) { return WriteString(value); }));
}

ObjectWriter& ObjectWriter::Raw(std::string_view name, std::string_view json) {
  Name(name);
  json_ += json;
  return *this;
}

std::string ObjectWriter::Take() { return std::exchange(json_, {}) + '}'; }

}  // namespace forager::api
