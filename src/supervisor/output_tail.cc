#include "supervisor/output_tail.h"

#include <fmt/format.h>

#include <utility>

#include "job/text.h"

namespace forager::supervisor {
namespace {

constexpr Millis kWindow{1000};
// A line costs memory beyond its text.
constexpr std::size_t kLineCost = 256;

std::size_t Cost(const HeldLine& line) {
  return line.log.message.size() + line.log.data.value_or("").size() + kLineCost;
}

constexpr std::size_t kTail = 4 * 1024;

// As an event does, after a byte order mark and blanks.
bool BeginsObject(std::string_view line) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  if (line.starts_with(kMark)) line.remove_prefix(kMark.size());
  auto first = line.find_first_not_of(" \t");
  return first != line.npos && line[first] == '{';
}

// "foo\r: not found": what a shell says of a script with Windows line ends. No bar goes on so.
bool IsWithinText(std::string_view after_return) {
  for (std::string_view mark : {":", "'", "\"", "\xE2\x80\x99"}) {
    if (after_return.starts_with(mark)) return true;
  }
  return false;
}

std::size_t FindReturn(std::string_view part) {
  std::size_t at = part.find('\r');
  while (at != part.npos && IsWithinText(part.substr(at + 1))) at = part.find('\r', at + 1);
  return at;
}

}  // namespace

void LineReader::Add(std::string_view bytes, const Sink& sink) {
  std::size_t newline = bytes.find('\n');
  for (std::size_t at = 0; at < bytes.size();) {
    bool whole = newline != bytes.npos;
    std::string_view part = bytes.substr(at, whole ? newline - at : bytes.npos);
    if (returned_ && IsWithinText(part)) partial_ += '\r', returned_ = false;
    if (returned_ && !(whole && part.empty())) Rewritten({}, sink);
    // Within an object it is a character like others.
    bool object = BeginsObject(partial_.empty() ? part : std::string_view(partial_));
    std::size_t end = object ? part.npos : FindReturn(part);
    if (end != part.npos && (end + 1 < part.size())) {
      Rewritten(part.substr(0, end), sink);
      at += end + 1;
      continue;
    }
    if (end != part.npos) part.remove_suffix(1);
    at = whole ? newline + 1 : bytes.size();
    if (whole && partial_.empty() && !bar_) {
      Emit(part, sink);  // the usual case: no copy
    } else {
      Hold(part, sink);
      if (whole) End(sink);
    }
    returned_ = !whole && end != part.npos;
    if (whole) newline = bytes.find('\n', at);
  }
}

// What stands on the line so far will be written over.
void LineReader::Rewritten(std::string_view part, const Sink& sink) {
  returned_ = false;
  if (!part.empty()) Hold(part, sink);
  std::string line = std::exchange(partial_, {});
  if (line.empty()) return;
  bar_ = true;
  sink({line, true});
}

void LineReader::End(const Sink& sink) {
  returned_ = false;
  if (std::exchange(bar_, false) && partial_.empty()) return sink({});
  Finish(sink);
}

void LineReader::Hold(std::string_view part, const Sink& sink) {
  if (skipped_ == 0) partial_ += part;
  if (BeginsObject(partial_)) {
    if (skipped_ > 0) {
      skipped_ += part.size();
      tail_ += part;
    } else if (partial_.size() > kMaxEventLine) {
      skipped_ = partial_.size() - kMaxEventLine;
      tail_ = partial_.substr(kMaxEventLine);
      partial_.resize(kMaxEventLine);
    }
    if (tail_.size() > kTail) tail_.erase(0, tail_.size() - kTail);
  } else if (partial_.size() >= kMaxLogLine) {
    // What may be the beginning of a character waits for its rest.
    std::size_t whole = partial_.size() - partial_.size() % kMaxLogLine;
    std::size_t end = CharacterEnd(partial_, whole == partial_.size() ? whole - 4 : whole);
    Emit(std::string_view(partial_).substr(0, end), sink);
    partial_.erase(0, end);
  }
}

void LineReader::Finish(const Sink& sink) {
  std::string line = std::exchange(partial_, {});
  std::string tail = std::exchange(tail_, {});
  if (std::size_t skipped = std::exchange(skipped_, 0); skipped > 0)
    return sink({line, false, line.size() + skipped, tail});
  Emit(line, sink);
}

void LineReader::Emit(std::string_view line, const Sink& sink) {
  std::size_t max = BeginsObject(line) ? kMaxEventLine : kMaxLogLine;
  while (!line.empty()) {
    std::string_view part = line.substr(0, CharacterEnd(line, max));
    sink({part});
    line.remove_prefix(part.size());
  }
}

void OutputTail::Add(HeldLine line) {
  held_ += Cost(line);
  lines_.push_back(std::move(line));
  while (held_ > limit_ && lines_.size() > 1) {
    held_ -= Cost(lines_.front());
    dropped_.lines += 1;
    dropped_.bytes += static_cast<std::int64_t>(lines_.front().log.message.size()) + 1;
    lines_.pop_front();
  }
}

std::vector<HeldLine> OutputTail::Take(os::Steady now, bool all) {
  if (now - window_ >= kWindow) {
    window_ = now;
    given_ = 0;
  }
  std::vector<HeldLine> taken;
  while (!lines_.empty() && (all || given_ < limit_)) {
    given_ += Cost(lines_.front());
    held_ -= Cost(lines_.front());
    taken.push_back(std::move(lines_.front()));
    lines_.pop_front();
  }
  return taken;
}

}  // namespace forager::supervisor
