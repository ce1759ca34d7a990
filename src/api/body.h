// Strict reading of a small JSON body: an object whose members are all known, each wrong one named.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "job/error.h"

namespace forager::api {

class Body {
 public:
  enum class Kind { kAbsent, kText, kBool, kTexts, kObject, kOther };

  // An empty body is an empty object.
  static Result<Body> Parse(std::string_view json, const std::vector<std::string_view>& members);
  // A member that is an object, with members of its own; "filter.status" names its field.
  Result<Body> Inner(std::string_view name, const std::vector<std::string_view>& members) const;

  Kind Of(std::string_view name) const;
  std::string Text(std::string_view name) const;                // when kText
  bool Bool(std::string_view name) const;                       // when kBool
  std::vector<std::string> Texts(std::string_view name) const;  // when kTexts
  // The member's full name, for errors.
  std::string Path(std::string_view name) const { return prefix_ + std::string(name); }

  ~Body();
  Body(Body&&) noexcept;
  Body& operator=(Body&&) noexcept;

 private:
  struct Object;
  Body(std::unique_ptr<Object> object, std::string prefix);
  static Result<Body> Checked(std::unique_ptr<Object> object, std::string prefix,
                              const std::vector<std::string_view>& members);
  std::unique_ptr<Object> object_;
  std::string prefix_;
};

}  // namespace forager::api
