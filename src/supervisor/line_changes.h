// Whether what a program writes says anything new: a line that differs from the one before it by
// more than the time of day it carries. Fed with raw output of one stream; keeps one line at most.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "os/clock.h"

namespace forager::supervisor {

// The line with its times of day, dates, and numbers that are the present time in seconds, ms, us
// or ns since 1970 made equal. "page 12 of 40" stays as it is.
std::string MaskTimes(std::string_view line, os::Wall now);

class LineChanges {
 public:
  // True when a line ended in it, by newline or carriage return, that differs from the line before.
  // An empty line is none; a line is compared by its first 4 KiB and its length.
  bool Add(std::string_view bytes, os::Wall now);

 private:
  bool EndLine(os::Wall now);

  std::string line_;
  std::uint64_t length_ = 0;
  std::optional<std::uint64_t> last_;
};

}  // namespace forager::supervisor
