#include "supervisor/running_attempt.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "job/codec.h"
#include "job/loose_json.h"

namespace forager::supervisor {
namespace {

constexpr std::size_t kReadSize = 64 * 1024;
constexpr std::size_t kBudget = 8 << 20;  // of bytes read in a second
constexpr std::size_t kLineWork = 16;     // what a line costs of it beside its bytes
constexpr std::size_t kEventWork = 64;    // and an event
constexpr std::size_t kPlentyEvents = 256;
constexpr std::size_t kPlentyBytes = 256 * 1024;
// Of answers that the attempt does not read: it takes one at a time.
constexpr std::size_t kMaxUnread = 4 * 1024;
// Events of one attempt that are warned of one by one.
constexpr std::int64_t kMaxWarnings = 50;

struct Pipe {
  os::Descriptor read, write;
};

// `ours` does not block; the other end is a child's and must.
std::expected<Pipe, int> MakePipe(bool ours_reads) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return std::unexpected(errno);
  Pipe pipe{os::Descriptor(ends[0]), os::Descriptor(ends[1])};
  if (fcntl(ends[ours_reads ? 0 : 1], F_SETFL, O_NONBLOCK) != 0) return std::unexpected(errno);
  return pipe;
}

enum class Got { kSome, kNothing, kEnd };

Got ReadPart(const os::Descriptor& pipe, std::string_view& part) {
  static thread_local std::array<char, kReadSize> buffer;
  if (!pipe) return Got::kNothing;
  ssize_t got;
  do {
    got = read(pipe.get(), buffer.data(), buffer.size());
  } while (got < 0 && errno == EINTR);
  if (got < 0 && errno == EAGAIN) return Got::kNothing;
  if (got <= 0) return Got::kEnd;
  part = {buffer.data(), static_cast<std::size_t>(got)};
  return Got::kSome;
}

// As much as the pipe holds now: all that was said by now, and an end to it, though somebody who
// has the pipe writes on for ever. `read` returns how much it took.
template <typename Read>
void ReadHeld(const os::Descriptor& pipe, Read read) {
  int held = 0;
  if (!pipe || ioctl(pipe.get(), FIONREAD, &held) != 0) return;
  for (auto left = static_cast<std::size_t>(held); left > 0;) {
    std::size_t got = read();
    if (got == 0) return;
    left -= std::min(left, got);
  }
  read();  // sees the end, if this was the last
}

}  // namespace

RunningAttempt::RunningAttempt(std::uint64_t id, const AttemptSpec& spec, os::Steady now)
    : clocks(now,
             {spec.timeout, spec.heartbeat_timeout, spec.stall_timeout, spec.heartbeat_set},
             spec.collector == "command"),
      id_(id),
      ref_(spec.ref),
      builtin_(spec.collector != "command"),
      grace_(spec.grace),
      directory_(spec.directory),
      output_(spec.output),
      limits_(spec.limits),
      budget_(kBudget) {}

std::expected<std::vector<os::Descriptor>, int> RunningAttempt::Open(std::string input) {
  auto in = MakePipe(false);
  if (!in) return std::unexpected(in.error());
  auto events = MakePipe(true);
  if (!events) return std::unexpected(events.error());
  auto errors = MakePipe(true);
  if (!errors) return std::unexpected(errors.error());
  input_ = std::move(input);
  input_pipe_ = std::move(in->write);
  event_pipe_ = std::move(events->read);
  error_pipe_ = std::move(errors->read);
  WriteInput();
  std::vector<os::Descriptor> theirs;
  theirs.push_back(std::move(in->read));
  theirs.push_back(std::move(events->write));
  theirs.push_back(std::move(errors->write));
  if (output_ == Output::kEvents) return theirs;
  auto printed = MakePipe(true);
  if (!printed) return std::unexpected(printed.error());
  printed_pipe_ = std::move(printed->read);
  theirs.push_back(std::move(printed->write));
  return theirs;
}

void RunningAttempt::Watch(os::EventLoop& loop, const os::Clock& clock,
                           std::function<void()> changed) {
  loop_ = &loop;
  event_ready_ = [this, &clock, changed] {
    ReadEvents(clock.SteadyNow());
    changed();
  };
  event_token_ = loop.WatchReadable(event_pipe_.get(), event_ready_);
  error_ready_ = [this, &clock, changed] {
    ReadErrors(clock.SteadyNow());
    changed();
  };
  error_token_ = loop.WatchReadable(error_pipe_.get(), error_ready_);
  if (printed_pipe_) {
    printed_ready_ = [this, &clock, changed] {
      ReadPrinted(clock.SteadyNow());
      changed();
    };
    printed_token_ = loop.WatchReadable(printed_pipe_.get(), printed_ready_);
  }
  WatchInput();
}

void RunningAttempt::WatchInput() {
  if (input_.empty() || input_token_) return;
  input_token_ = loop_->WatchWritable(input_pipe_.get(), [this] { WriteInput(); });
}

void RunningAttempt::WriteInput() {
  bool read = true;
  while (read && !input_.empty()) {
    ssize_t wrote = write(input_pipe_.get(), input_.data(), input_.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0 && errno == EAGAIN) return;
    read = wrote >= 0;  // else it does not want to know
    if (read) input_.erase(0, static_cast<std::size_t>(wrote));
  }
  input_.clear();
  input_token_.reset();
  if (!read || !builtin_) input_pipe_.Close();  // a built-in collector is told more
}

void RunningAttempt::Answer(const TurnAnswer& answer, os::Steady now) {
  if (open_question_ != answer.id) return;
  open_question_.reset();
  had_turn_ |= answer.granted;
  no_turn_ = !had_turn_;
  clocks.TurnAnswered(now, answer.granted ? answer.wait : Millis{0});
  if (!input_pipe_) return;
  if (input_.size() > kMaxUnread) return;
  input_ += WriteTurnAnswer(answer);
  WriteInput();
  WatchInput();
}

std::size_t RunningAttempt::ReadEvents(os::Steady now) {
  std::string_view part;
  Got got = ReadPart(event_pipe_, part);
  auto take = [&](const OutputLine& line) { TakeLine(line, now); };
  if (got == Got::kEnd) {
    event_lines_.Finish(take);
    TakeText(object_.Take(), now);
    event_token_.reset();
    event_pipe_.Close();
  }
  if (got != Got::kSome) return 0;
  NoteOutput(part, event_changes_, now);
  event_lines_.Add(part, take);
  Spend(part.size());
  return part.size();
}

// Standard output that is no events.
std::size_t RunningAttempt::ReadPrinted(os::Steady now) {
  std::string_view part;
  Got got = ReadPart(printed_pipe_, part);
  auto take = [&](const OutputLine& line) { TakePrinted(line, now); };
  if (got == Got::kEnd) {
    printed_lines_.Finish(take);
    printed_token_.reset();
    printed_pipe_.Close();
  }
  if (got != Got::kSome) return 0;
  NoteOutput(part, printed_changes_, now);
  printed_lines_.Add(part, take);
  Spend(part.size());
  return part.size();
}

std::size_t RunningAttempt::ReadErrors(os::Steady now) {
  std::string_view part;
  Got got = ReadPart(error_pipe_, part);
  auto take = [&](const OutputLine& line) { TakeOutput(Source::kStderr, line); };
  if (got == Got::kEnd) {
    error_lines_.Finish(take);
    error_token_.reset();
    error_pipe_.Close();
  }
  if (got != Got::kSome) return 0;
  if (!builtin_) NoteOutput(part, error_changes_, now);  // a command's output of any kind
  error_lines_.Add(part, take);
  Spend(part.size());
  return part.size();
}

void RunningAttempt::Spend(std::size_t bytes) {
  budget_ -= std::min(budget_, bytes);
  if (budget_ > 0) return;  // else until Refill: the pipes make it wait
  if (event_token_) events_paused_ = true;
  if (error_token_) errors_paused_ = true;
  if (printed_token_) printed_paused_ = true;
  event_token_.reset();
  error_token_.reset();
  printed_token_.reset();
}

void RunningAttempt::NoteOutput(std::string_view part, LineChanges& changes, os::Steady now) {
  clocks.Heard(now);
  output_bytes_ += static_cast<std::int64_t>(part.size());
  if (clocks.stranger() && changes.Add(part, os::SystemClock().Now())) clocks.HeardNew(now);
}

void RunningAttempt::TakeLine(const OutputLine& line, os::Steady now) {
  if (line.too_long > 0) {
    ParsedEvent parsed = ParseTooLong(line.text, line.tail, line.too_long);
    if (!parsed.meant()) {
      TakeOutput(Source::kStdout, line);
      return Note(LogLevel::kWarning,
                  fmt::format("A line of {} bytes was cut: more than 1 MiB", line.too_long));
    }
    TellProblems(parsed);
    if (parsed.event) TakeResult(std::get<ResultEvent>(std::move(*parsed.event)), true, now);
    return;
  }
  if (line.text.empty() || line.rewritten) return TakeOutput(Source::kStdout, line);
  switch (object_.Add(line.text)) {
    case ObjectLines::Took::kHeld:
      return;
    case ObjectLines::Took::kWhole:
      return TakeText(object_.Take(), now);
    case ObjectLines::Took::kBroken:
      TakeText(object_.Take(), now);
      break;
    case ObjectLines::Took::kNot:
      break;
  }
  TakeText(line.text, now);
}

// Events, or other output, which may be several lines of it.
void RunningAttempt::TakeText(std::string_view text, os::Steady now) {
  while (!text.empty()) {
    ParsedEvent parsed = ParseEvent(text);
    bool question = parsed.event && std::holds_alternative<AskTurnEvent>(*parsed.event);
    if (!parsed.meant() || (question && !builtin_)) break;
    Spend(kEventWork);
    TellProblems(parsed);
    if (parsed.unreadable_result)
      TakeResult(std::get<ResultEvent>(std::move(*parsed.event)), true, now);
    else if (parsed.event)
      TakeEvent(std::move(*parsed.event), text.size() - parsed.rest.size(), now);
    text = parsed.rest;
  }
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    TakeOutput(Source::kStdout, {line});
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
}

void RunningAttempt::TakeEvent(Event event, std::size_t bytes, os::Steady now) {
  if (auto* question = std::get_if<AskTurnEvent>(&event))
    return TakeQuestion(std::move(*question), now);
  bool progress = clocks.Note(event, now);
  if (std::holds_alternative<HeartbeatEvent>(event)) return;
  if (auto* result = std::get_if<ResultEvent>(&event))
    return TakeResult(std::move(*result), false, now);
  if (result_ && progress) result_at_ = now;  // it is not done yet
  if (auto* log = std::get_if<LogEvent>(&event))
    return tail_.Add({Source::kServer, false, std::move(*log)});
  event_bytes_ += bytes;
  events_.push_back(std::move(event));
}

// The last result counts. One that was meant and not understood never becomes a success.
void RunningAttempt::TakeResult(ResultEvent result, bool unreadable, os::Steady now) {
  // What it says on the order to stop is no end of its own; a built-in collector was done already.
  if (stop != StopReason::kNone && !result_ && !(builtin_ && result.completed)) {
    if (!result.error.empty()) Note(LogLevel::kInfo, "While it was stopped: " + result.error);
    return;
  }
  result_at_ = now;
  if (!result.completed && !MayClaim(result.error_class, builtin_)) {
    Note(LogLevel::kWarning, fmt::format("error_class {} is the server's to find: it was taken as "
                                         "permanent",
                                         Name(result.error_class)));
    result.error_class = ErrorClass::kPermanent;
  }
  if (unreadable_result_ && result.completed) return;
  unreadable_result_ = unreadable;
  result_ = std::move(result);
}

void RunningAttempt::TellProblems(const ParsedEvent& parsed) {
  for (unsigned bit = 1; bit <= parsed.mended; bit <<= 1) {
    if (parsed.mended & ~mended_ & bit)
      Note(LogLevel::kInfo,
           fmt::format("In events of this attempt {}", MendWords(static_cast<JsonMend>(bit))));
  }
  mended_ |= parsed.mended;
  if (parsed.problems.empty()) return;
  ++unreadable_;
  if (++warnings_ > kMaxWarnings) return;
  for (const std::string& problem : parsed.problems) Note(LogLevel::kWarning, problem);
  if (warnings_ == kMaxWarnings)
    Note(LogLevel::kWarning, "More events that cannot be read are counted only");
}

void RunningAttempt::Note(LogLevel level, std::string message) {
  LogEvent log;
  log.level = level;
  log.stage = "events";
  log.message = std::move(message);
  tail_.Add({Source::kServer, false, std::move(log)});
}

std::optional<os::Steady> RunningAttempt::end_due() const {
  if (!result_) return std::nullopt;
  return std::min(result_at_ + grace_, clocks.started() + clocks.limits().timeout);
}

AttemptObserver::Lost RunningAttempt::TakeLost() {
  OutputTail::Dropped dropped = tail_.TakeDropped();
  return {std::exchange(unreadable_, 0), dropped.lines, dropped.bytes};
}

// An object is an item, whatever its members are called.
void RunningAttempt::TakePrinted(const OutputLine& line, os::Steady now) {
  bool item = output_ == Output::kItems && line.text.starts_with('{');
  if (item && line.too_long > 0) {
    ++unreadable_;
    Note(LogLevel::kWarning,
         fmt::format("An item of {} bytes is not kept: more than 1 MiB", line.too_long));
  } else if (item) {
    std::string record = fmt::format("{{\"type\":\"record\",\"entity\":{}}}", line.text);
    ParsedEvent parsed = ParseEvent(record);
    Spend(kEventWork);
    TellProblems(parsed);
    bool whole = parsed.event && std::holds_alternative<RecordEvent>(*parsed.event) &&
                 parsed.rest.empty();
    if (whole) return TakeEvent(std::move(*parsed.event), line.text.size(), now);
  }
  TakeOutput(Source::kStdout, line);
}

void RunningAttempt::TakeQuestion(AskTurnEvent question, os::Steady now) {
  if (clocks.AwaitsTurn(now)) return;
  clocks.TurnAsked(now);
  open_question_ = question.id;
  question_ = std::move(question);
}

void RunningAttempt::TakeOutput(Source source, const OutputLine& line) {
  Spend(kLineWork);
  HeldLine held;
  held.source = source;
  held.rewritten = line.rewritten;
  held.log.message = line.text.substr(0, kMaxLogLine + 4);  // to be cut with a mark
  tail_.Add(std::move(held));
}

void RunningAttempt::Drain(os::Steady now) {
  ReadHeld(event_pipe_, [&] { return ReadEvents(now); });
  ReadHeld(error_pipe_, [&] { return ReadErrors(now); });
  ReadHeld(printed_pipe_, [&] { return ReadPrinted(now); });
}

void RunningAttempt::Close(os::Steady now) {
  // Lines without their end, of pipes that somebody else still holds.
  event_lines_.Finish([&](const OutputLine& line) { TakeLine(line, now); });
  TakeText(object_.Take(), now);
  error_lines_.Finish([&](const OutputLine& line) { TakeOutput(Source::kStderr, line); });
  printed_lines_.Finish([&](const OutputLine& line) { TakePrinted(line, now); });
  input_token_.reset();
  event_token_.reset();
  error_token_.reset();
  printed_token_.reset();
  input_pipe_.Close();
  event_pipe_.Close();
  error_pipe_.Close();
  printed_pipe_.Close();
}

void RunningAttempt::Refill() {
  budget_ = kBudget;
  if (std::exchange(events_paused_, false) && event_pipe_)
    event_token_ = loop_->WatchReadable(event_pipe_.get(), event_ready_);
  if (std::exchange(errors_paused_, false) && error_pipe_)
    error_token_ = loop_->WatchReadable(error_pipe_.get(), error_ready_);
  if (std::exchange(printed_paused_, false) && printed_pipe_)
    printed_token_ = loop_->WatchReadable(printed_pipe_.get(), printed_ready_);
}

std::vector<Event> RunningAttempt::TakeEvents(os::Steady now, bool all) {
  event_bytes_ = 0;
  std::vector<Event> taken = std::exchange(events_, {});
  auto sink = [&](LogEvent line) { taken.emplace_back(std::move(line)); };
  for (HeldLine& held : tail_.Take(now, all)) {
    OutputLine line{held.log.message, held.rewritten};
    if (held.source == Source::kStdout)
      stdout_.Take(line, now, sink);
    else if (held.source == Source::kStderr)
      stderr_.Take(line, now, sink);
    else
      sink(std::move(held.log));
  }
  stdout_.Settle(now, all, sink);
  stderr_.Settle(now, all, sink);
  return taken;
}

bool RunningAttempt::HasPlenty() const {
  return events_.size() >= kPlentyEvents || event_bytes_ >= kPlentyBytes;
}

}  // namespace forager::supervisor
