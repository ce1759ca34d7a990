// What an attempt writes, bounded: lines out of bytes, and of the lines that are no events the last
// part of each second. A flood costs the server neither memory nor time beyond these bounds.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "job/event.h"
#include "os/clock.h"

namespace forager::supervisor {

constexpr std::size_t kMaxEventLine = 1 << 20;
constexpr std::size_t kMaxLogLine = 16 * 1024;

// Cuts bytes into lines. A line that begins like an event may be long, others are cut at
// kMaxLogLine and go on as the next line.
class LineReader {
 public:
  using Sink = std::function<void(std::string_view line)>;
  void Add(std::string_view bytes, const Sink& sink);
  // What is left without a newline.
  void Finish(const Sink& sink);

 private:
  void Emit(std::string_view line, const Sink& sink);
  std::string partial_;
};

class OutputTail {
 public:
  explicit OutputTail(std::size_t bytes_per_second = 256 * 1024) : limit_(bytes_per_second) {}
  void Add(LogEvent line);
  // What may be handed over by now, oldest first, a notice of what was dropped before it. `all`:
  // the end.
  std::vector<Event> Take(os::Steady now, bool all);
  bool empty() const { return lines_.empty() && dropped_ == 0; }

 private:
  std::size_t limit_;
  std::deque<LogEvent> lines_;
  std::size_t held_ = 0;
  std::uint64_t dropped_ = 0;
  os::Steady window_{};
  std::size_t given_ = 0;  // in this window
};

}  // namespace forager::supervisor
