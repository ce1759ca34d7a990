// Reads members of a JSON object strictly: each wrong one is named, unknown ones are refused.
// For the codecs of this folder.
#pragma once

#include <boost/json/fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "job/error.h"
#include "job/job.h"

namespace forager {

class MemberReader {
 public:
  MemberReader(const boost::json::object& object, std::string prefix,
               std::vector<FieldError>& errors)
      : object_(object), prefix_(std::move(prefix)), errors_(errors) {}

  // Null and absent are the same: not given.
  const boost::json::value* Find(std::string_view name);
  std::optional<std::string> Text(std::string_view name, std::size_t max_bytes);
  std::optional<double> Number(std::string_view name, double low, double high);
  std::optional<int> Integer(std::string_view name, int low, int high);
  // Kept as JSON text.
  std::optional<std::string> Object(std::string_view name, std::size_t max_bytes);
  std::optional<WallTime> Time(std::string_view name);

  void Wrong(std::string_view name, std::string message) {
    errors_.push_back({prefix_ + std::string(name), std::move(message)});
  }
  // Names every member that was not asked for.
  void RefuseOthers();

 private:
  const boost::json::object& object_;
  std::string prefix_;
  std::vector<FieldError>& errors_;
  std::set<std::string, std::less<>> asked_;
};

// Parses one JSON value; a sentence that says where it went wrong. Depth at most 32.
Result<boost::json::value> ParseJson(std::string_view text);

// JSON text with numbers as people write them: 0.9, not 9E-1.
std::string WriteJson(const boost::json::value& value);

// One create body or child job.
NewJob ReadNewJob(MemberReader& reader);

}  // namespace forager
