// What an attempt writes, bounded: lines out of bytes, and of the lines that become log lines the
// last part of each second. A flood costs the server neither memory nor time beyond these bounds.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "job/event.h"
#include "os/clock.h"

namespace forager::supervisor {

constexpr std::size_t kMaxLogLine = 16 * 1024;

struct OutputLine {
  std::string_view text;
  // Ended by a carriage return alone: what follows takes its place, as of a progress bar.
  bool rewritten = false;
  // Of an event's line that is longer than kMaxEventLine, of which `text` is the beginning.
  std::size_t too_long = 0;  // bytes in all
  std::string_view tail{};   // its end
};

// Cuts bytes into lines. A line that begins like an event may be long, others are cut at
// kMaxLogLine, between characters, and go on as the next line.
class LineReader {
 public:
  using Sink = std::function<void(const OutputLine& line)>;
  void Add(std::string_view bytes, const Sink& sink);
  // What is left without a newline.
  void Finish(const Sink& sink);

 private:
  void Emit(std::string_view line, const Sink& sink);
  void Hold(std::string_view part, const Sink& sink);
  void Rewritten(std::string_view part, const Sink& sink);
  void End(const Sink& sink);
  std::string partial_;
  bool returned_ = false;  // a carriage return stands after partial_, perhaps of a line's end
  bool bar_ = false;       // the line was rewritten: its end is told, also when it is empty
  // Of a line longer than kMaxEventLine: what follows partial_.
  std::size_t skipped_ = 0;
  std::string tail_;
};

enum class Source { kServer, kStdout, kStderr };

struct HeldLine {
  Source source = Source::kServer;
  bool rewritten = false;
  LogEvent log;  // of a program's output the message only, as it came
};

class OutputTail {
 public:
  explicit OutputTail(std::size_t bytes_per_second = 256 * 1024) : limit_(bytes_per_second) {}
  void Add(HeldLine line);
  // What may be handed over by now, oldest first. `all`: the end.
  std::vector<HeldLine> Take(os::Steady now, bool all);
  bool empty() const { return lines_.empty(); }

  struct Dropped {
    std::int64_t lines = 0, bytes = 0;
  };
  // Since the last time.
  Dropped TakeDropped() { return std::exchange(dropped_, {}); }

 private:
  std::size_t limit_;
  std::deque<HeldLine> lines_;
  std::size_t held_ = 0;
  Dropped dropped_;
  os::Steady window_{};
  std::size_t given_ = 0;  // in this window
};

}  // namespace forager::supervisor
