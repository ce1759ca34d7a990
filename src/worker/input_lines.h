// What the server says to an attempt: lines on its input, the job first.
#pragma once

#include <optional>
#include <string>

#include "job/time.h"

namespace forager::worker {

class InputLines {
 public:
  explicit InputLines(int fd) : fd_(fd) {}

  enum class Got { kLine, kLate, kEnd };
  // The next line without its newline, waited for `limit`, or as long as it takes. A line over
  // 8 MiB is the end.
  Got Next(std::string& line, std::optional<Millis> limit = {});

 private:
  bool TakeLine(std::string& line);

  int fd_;
  std::string held_;
  std::size_t searched_ = 0;  // so much of it holds no newline
};

}  // namespace forager::worker
