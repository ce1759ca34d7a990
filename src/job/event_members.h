// Reads the members of one event as programs write them: "40" is a number, "true" a flag, an object
// may come as a string. What cannot be understood is left out and told, never guessed. For
// event.cc.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "job/loose_json.h"

namespace forager {

class EventMembers {
 public:
  explicit EventMembers(const LooseJson& json) : json_(json) {}

  // Present, and not null.
  bool Has(std::string_view name) const { return Find(name) != nullptr; }
  // Anything as text; a long one is cut.
  std::optional<std::string> Text(std::string_view name, std::size_t max);
  std::optional<double> Number(std::string_view name, double low, double high);
  // What lies outside is moved to the nearer end, and told.
  std::optional<double> Clamped(std::string_view name, double low, double high);
  std::optional<bool> Flag(std::string_view name);
  // As JSON text.
  std::optional<std::string> Object(std::string_view name);
  std::optional<std::string> Any(std::string_view name);
  // All members but "type" as the body of a child job: numbers in strings are numbers, and the
  // reverse, where the member allows one of them only.
  std::string ChildBody();

  // The event as a whole cannot be read.
  void Wrong(std::string why) { wrong_ = std::move(why); }
  void LeftOut(std::string_view name, std::string_view wanted);

  const std::string& wrong() const { return wrong_; }
  const std::vector<std::string>& left_out() const { return left_out_; }
  unsigned mended() const { return mended_; }

 private:
  const std::string* Find(std::string_view name) const;
  std::optional<double> AnyNumber(std::string_view name, double low, double high);

  const LooseJson& json_;
  std::string wrong_ = "it cannot be understood";
  std::vector<std::string> left_out_;
  unsigned mended_ = 0;
};

}  // namespace forager
