#include "supervisor/output_stream.h"

#include <fmt/format.h>

#include "job/codec.h"
#include "job/text.h"
#include "supervisor/output_levels.h"

namespace forager::supervisor {
namespace {

constexpr Millis kSettle{1'000};
constexpr std::size_t kMaxEntry = 12 * 1024;

// "  | ExceptionGroup: many (2 sub-exceptions)" within the frame that Python draws.
std::string_view WithoutFrame(std::string_view text) {
  auto bar = text.find_first_not_of(' ');
  if (bar == text.npos || text[bar] != '|') return text;
  auto bare = text.find_first_not_of(" |", bar);
  return bare == text.npos || bare > bar + 2 ? text : text.substr(bare);
}

bool IsIndented(std::string_view text) { return text.starts_with(' ') || text.starts_with('\t'); }

}  // namespace

void OutputStream::Take(const OutputLine& line, os::Steady now, const Sink& sink) {
  std::string text = PlainText(CutText(ValidUtf8(line.text), kMaxLogLine));
  bool blank = text.find_first_not_of(" \t") == text.npos;
  if (line.rewritten) {
    if (blank) return;
    bar_ = std::move(text);
    if (now - bar_given_ >= kSettle) Settle(now, true, sink);
    return;
  }
  if (blank) {  // the end of a bar's line, or nothing
    if (!bar_.empty()) Emit(std::exchange(bar_, {}), LogLevel::kInfo, sink);
    return;
  }
  bar_.clear();  // overwritten
  grew_ = now;
  TakeText(std::move(text), sink);
}

void OutputStream::TakeText(std::string text, const Sink& sink) {
  if (block_ != Block::kNone && Continue(text, sink)) return;
  auto level = LevelOf(text);
  if (BeginsTraceback(text)) return Begin(Block::kTraceback, std::move(text));
  Hear(text, level);
  if (IsException(text)) return Begin(Block::kFrames, std::move(text));
  Emit(std::move(text), level.value_or(LogLevel::kInfo), sink);
}

bool OutputStream::Continue(std::string_view text, const Sink& sink) {
  bool ends = false;
  if (block_ == Block::kTraceback) {
    ends = !IsIndented(text) && !text.starts_with('|');
    std::string_view bare = WithoutFrame(text);
    if (ends || (!told_ && bare.size() < text.size() && IsException(bare))) {
      if (!told_) Hear(bare, LogLevel::kError);
      told_ = true;
    }
  } else if (!IsIndented(text) && text != "}") {
    EndBlock(sink);
    return false;
  }
  if (entry_.size() + text.size() < kMaxEntry || ends) {
    if (std::size_t lines = std::exchange(left_out_, 0); lines > 0)
      entry_ += fmt::format("\n… {} lines", lines);
    entry_ += '\n';
    entry_ += CutText(text, kMaxLogLine - kMaxEntry);
  } else {
    ++left_out_;
  }
  if (ends) EndBlock(sink);
  return true;
}

void OutputStream::Begin(Block block, std::string text) {
  block_ = block;
  told_ = false;
  entry_ = CutText(text, kMaxLogLine - kMaxEntry);
}

void OutputStream::EndBlock(const Sink& sink) {
  if (block_ == Block::kNone) return;
  if (left_out_ > 0) entry_ += fmt::format("\n… {} lines", left_out_);
  left_out_ = 0;
  block_ = Block::kNone;
  Emit(std::exchange(entry_, {}), LogLevel::kError, sink);
}

void OutputStream::Settle(os::Steady now, bool all, const Sink& sink) {
  if (!bar_.empty() && (all || now - bar_given_ >= kSettle)) {
    bar_given_ = now;
    Emit(std::exchange(bar_, {}), LogLevel::kInfo, sink);
  }
  if (all || now - grew_ >= kSettle) EndBlock(sink);
}

void OutputStream::Emit(std::string text, LogLevel level, const Sink& sink) {
  LogEvent log;
  log.level = level;
  log.stage = name_;
  log.message = std::move(text);
  sink(std::move(log));
}

void OutputStream::Hear(std::string_view text, std::optional<LogLevel> level) {
  name_ == "stderr" ? last_words_.HearError(text, level) : last_words_.HearOutput(text, level);
}

}  // namespace forager::supervisor
