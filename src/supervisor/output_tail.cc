#include "supervisor/output_tail.h"

#include <fmt/format.h>

#include <utility>

namespace forager::supervisor {
namespace {

constexpr Millis kWindow{1000};
// A line costs memory beyond its text.
constexpr std::size_t kLineCost = 128;

std::size_t Cost(const LogEvent& line) { return line.message.size() + kLineCost; }

std::size_t MaxLine(char first) { return first == '{' ? kMaxEventLine : kMaxLogLine; }

}  // namespace

void LineReader::Add(std::string_view bytes, const Sink& sink) {
  while (!bytes.empty()) {
    auto newline = bytes.find('\n');
    std::string_view part = bytes.substr(0, newline);
    if (partial_.empty() && newline != std::string_view::npos) {
      Emit(part, sink);  // the usual case: no copy
    } else {
      partial_ += part;
      if (newline != std::string_view::npos || partial_.size() >= MaxLine(partial_.front())) {
        Finish(sink);
      }
    }
    bytes.remove_prefix(newline == std::string_view::npos ? bytes.size() : newline + 1);
  }
}

void LineReader::Finish(const Sink& sink) {
  std::string line = std::exchange(partial_, {});
  Emit(line, sink);
}

void LineReader::Emit(std::string_view line, const Sink& sink) {
  while (!line.empty()) {
    std::string_view part = line.substr(0, MaxLine(line.front()));
    sink(part);
    line.remove_prefix(part.size());
  }
}

void OutputTail::Add(LogEvent line) {
  held_ += Cost(line);
  lines_.push_back(std::move(line));
  while (held_ > limit_ && lines_.size() > 1) {
    held_ -= Cost(lines_.front());
    dropped_ += lines_.front().message.size() + 1;
    lines_.pop_front();
  }
}

std::vector<Event> OutputTail::Take(os::Steady now, bool all) {
  if (now - window_ >= kWindow) {
    window_ = now;
    given_ = 0;
  }
  std::vector<Event> taken;
  if (!all && given_ >= limit_) return taken;
  if (dropped_ > 0) {
    LogEvent notice;
    notice.level = LogLevel::kWarning;
    notice.stage = "output";
    notice.message = fmt::format("dropped {} bytes of output", std::exchange(dropped_, 0));
    taken.emplace_back(std::move(notice));
  }
  while (!lines_.empty() && (all || given_ < limit_)) {
    given_ += Cost(lines_.front());
    held_ -= Cost(lines_.front());
    taken.emplace_back(std::move(lines_.front()));
    lines_.pop_front();
  }
  return taken;
}

}  // namespace forager::supervisor
