#include "supervisor/last_words.h"

#include "job/text.h"
#include "supervisor/output_levels.h"

namespace forager::supervisor {
namespace {

constexpr std::size_t kMaxWords = 1'000;
// An error so many lines ago was lived through.
constexpr int kForgotten = 20;

}  // namespace

void LastWords::HearError(std::string_view line, std::optional<LogLevel> level) {
  if (IsNoise(line)) return;
  bool memory = IsOutOfMemory(line);
  Weight weight = memory || level == LogLevel::kError ? Weight::kError
                  : level                             ? Weight::kChatter
                                                      : Weight::kPlain;
  ++since_;
  if (weight < weight_ && (since_ < kForgotten || weight == Weight::kChatter || out_of_memory_))
    return;
  Keep(line, weight);
  out_of_memory_ = memory;
}

void LastWords::HearOutput(std::string_view line, std::optional<LogLevel> level) {
  if (level != LogLevel::kError || weight_ > Weight::kChatter || IsNoise(line)) return;
  Keep(line, Weight::kChatter);
  out_of_memory_ = IsOutOfMemory(line);
}

void LastWords::Keep(std::string_view line, Weight weight) {
  text_ = CutText(line, kMaxWords);
  for (std::string_view mark : {"\\r:", "\\r'", "\\r\xE2\x80\x99", "\\r\""}) {
    if (line.find(mark) == line.npos) continue;
    text_ += " (the script has Windows line ends: mend it with dos2unix)";
    break;
  }
  weight_ = weight;
  since_ = 0;
}

}  // namespace forager::supervisor
