// An object printed over several lines, as jq and json.dumps(indent=2) do, is one text: from a line
// "{" over indented ones to a line "}". Holds at most what an event may be.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "job/event.h"

namespace forager::supervisor {

class ObjectLines {
 public:
  enum class Took {
    kNot,    // no part of one; nothing is held
    kHeld,   // more is to come
    kWhole,  // Take has it
    kBroken  // Take has what was held; the line is no part of it
  };
  Took Add(std::string_view line) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (held_.empty()) {
      if (line != "{") return Took::kNot;
      held_ = line;
      return Took::kHeld;
    }
    bool last = line.starts_with('}');
    if (!last && !line.starts_with(' ') && !line.starts_with('\t')) return Took::kBroken;
    if (held_.size() + line.size() >= kMaxEventLine) return Took::kBroken;
    held_ += '\n';
    held_ += line;
    return last ? Took::kWhole : Took::kHeld;
  }
  std::string Take() { return std::exchange(held_, {}); }

 private:
  std::string held_;
};

}  // namespace forager::supervisor
