// What a program says of its own death: the line of its output that explains a bad end best. Told
// each line of text; keeps one.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "job/job.h"

namespace forager::supervisor {

class LastWords {
 public:
  // A line on stderr, with the level it names.
  void HearError(std::string_view line, std::optional<LogLevel> level);
  // One on stdout: only what is called an error there counts.
  void HearOutput(std::string_view line, std::optional<LogLevel> level);

  const std::string& text() const { return text_; }
  // Not merely the last thing it said.
  bool is_error() const { return weight_ == Weight::kError; }
  bool out_of_memory() const { return out_of_memory_; }

 private:
  enum class Weight { kNothing, kChatter, kPlain, kError };
  void Keep(std::string_view line, Weight weight);

  std::string text_;
  Weight weight_ = Weight::kNothing;
  bool out_of_memory_ = false;
  int since_ = 0;  // lines after it
};

}  // namespace forager::supervisor
