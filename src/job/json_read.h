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
  // `source`: the object as it was written, so that numbers are kept exactly; must live as long.
  MemberReader(const boost::json::object& object, std::string prefix,
               std::vector<FieldError>& errors, std::string_view source = {})
      : object_(object), prefix_(std::move(prefix)), errors_(errors), source_(source) {}

  // Null and absent are the same: not given.
  const boost::json::value* Find(std::string_view name);
  std::optional<std::string> Text(std::string_view name, std::size_t max_bytes);
  std::optional<double> Number(std::string_view name, double low, double high);
  std::optional<int> Integer(std::string_view name, int low, int high);
  // Kept as JSON text, its numbers as they were written.
  std::optional<std::string> Object(std::string_view name, std::size_t max_bytes);
  // The member `value`, which Find has found, as JSON text with its numbers as they were written.
  std::string Exactly(std::string_view name, const boost::json::value& value);
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
  std::string_view source_;
  std::set<std::string, std::less<>> asked_;
};

// Parses one JSON value; a sentence that says where it went wrong. Depth at most 32.
Result<boost::json::value> ParseJson(std::string_view text);

// Whether it holds a number that WriteJson may write otherwise than it was written.
bool HasFraction(const boost::json::value& value);
// JSON text with numbers as people write them: 0.9, not 9E-1.
std::string WriteJson(const boost::json::value& value);

// One create body or child job.
NewJob ReadNewJob(MemberReader& reader);
// The same, with other members refused; `text` is what the object `body` was read from.
NewJob ReadJobBody(const boost::json::value& body, std::string_view text,
                   std::vector<FieldError>& errors);
// 1 to 50 characters of a-z, 0-9 and _: an entity_type, a job_type.
bool IsKindName(std::string_view text);

}  // namespace forager
