// One stream of a program's output becomes log lines: with the levels they name, a traceback as one
// entry, a progress bar as its newest state. Bounded; knows nothing of attempts.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "job/event.h"
#include "os/clock.h"
#include "supervisor/last_words.h"
#include "supervisor/output_tail.h"

namespace forager::supervisor {

class OutputStream {
 public:
  using Sink = std::function<void(LogEvent line)>;
  // `name` is the stage of its lines: "stdout", "stderr".
  OutputStream(std::string_view name, LastWords& last_words)
      : name_(name), last_words_(last_words) {}

  void Take(const OutputLine& line, os::Steady now, const Sink& sink);
  // What waits for its rest: given out when it has waited for a second, or at once (`all`).
  void Settle(os::Steady now, bool all, const Sink& sink);
  bool waits() const { return !bar_.empty() || block_ != Block::kNone; }

 private:
  enum class Block { kNone, kTraceback, kFrames };
  void TakeText(std::string text, const Sink& sink);
  // True when the text belongs to the entry that is being read.
  bool Continue(std::string_view text, const Sink& sink);
  void Begin(Block block, std::string text);
  void EndBlock(const Sink& sink);
  void Emit(std::string text, LogLevel level, const Sink& sink);
  void Hear(std::string_view text, std::optional<LogLevel> level);

  std::string_view name_;
  LastWords& last_words_;
  std::string bar_;  // the newest state, not given out
  os::Steady bar_given_{};
  Block block_ = Block::kNone;
  bool told_ = false;  // its exception is among the last words
  std::string entry_;  // of the block
  std::size_t left_out_ = 0;
  os::Steady grew_{};
};

}  // namespace forager::supervisor
