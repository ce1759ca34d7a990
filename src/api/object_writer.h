// Builds one JSON object member by member: the answers that job/codec.h does not know.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "job/time.h"

namespace forager::api {

class ObjectWriter {
 public:
  ObjectWriter& Text(std::string_view name, std::string_view value);
  ObjectWriter& TextOrNull(std::string_view name, const std::optional<std::string>& value);
  ObjectWriter& Time(std::string_view name, const std::optional<WallTime>& value);
  ObjectWriter& Int(std::string_view name, std::int64_t value);
  ObjectWriter& Number(std::string_view name, const std::optional<double>& value);
  ObjectWriter& Bool(std::string_view name, bool value);
  ObjectWriter& Texts(std::string_view name, std::span<const std::string> values);
  ObjectWriter& Raw(std::string_view name, std::string_view json);
  std::string Take();

 private:
  void Name(std::string_view name);
  std::string json_ = "{";
};

// "[a,b]" of values written by `write`.
template <typename Values, typename WriteOne>
std::string WriteArray(const Values& values, WriteOne write) {
  std::string json = "[";
  for (const auto& value : values) {
    if (json.size() > 1) json += ',';
    json += write(value);
  }
  return json + ']';
}

}  // namespace forager::api
