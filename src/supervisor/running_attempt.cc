#include "supervisor/running_attempt.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "job/codec.h"

namespace forager::supervisor {
namespace {

constexpr std::size_t kReadSize = 64 * 1024;
constexpr std::size_t kEventBudget = 8 << 20;  // a second
constexpr std::size_t kPlentyEvents = 256;
constexpr std::size_t kPlentyBytes = 256 * 1024;
// Of answers that the attempt does not read: it takes one at a time.
constexpr std::size_t kMaxUnread = 4 * 1024;

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
    : clocks(now, {spec.timeout, spec.heartbeat_timeout, spec.stall_timeout}),
      id_(id),
      ref_(spec.ref),
      builtin_(spec.collector != "command"),
      grace_(spec.grace),
      memory_bytes_(spec.memory_bytes),
      event_budget_(kEventBudget) {}

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
  error_token_ = loop.WatchReadable(error_pipe_.get(), [this, &clock, changed] {
    ReadErrors(clock.SteadyNow());
    changed();
  });
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
  auto take = [&](std::string_view line) { TakeLine(line, now); };
  if (got == Got::kEnd) {
    event_lines_.Finish(take);
    event_token_.reset();
    event_pipe_.Close();
  }
  if (got != Got::kSome) return 0;
  clocks.Heard(now);
  event_lines_.Add(part, take);
  event_budget_ -= std::min(event_budget_, part.size());
  if (event_budget_ == 0 && event_token_) {
    event_token_.reset();  // until Refill: the pipe makes it wait
    paused_ = true;
  }
  return part.size();
}

std::size_t RunningAttempt::ReadErrors(os::Steady now) {
  std::string_view part;
  Got got = ReadPart(error_pipe_, part);
  auto take = [&](std::string_view line) { TakeOutput("stderr", line); };
  if (got == Got::kEnd) {
    error_lines_.Finish(take);
    error_token_.reset();
    error_pipe_.Close();
  }
  if (got != Got::kSome) return 0;
  if (!builtin_) clocks.Heard(now);  // a command's output of any kind
  error_lines_.Add(part, take);
  return part.size();
}

void RunningAttempt::TakeLine(std::string_view line, os::Steady now) {
  auto event = ParseEvent(line);
  if (!event) return TakeOutput("stdout", line);
  if (auto* question = std::get_if<AskTurnEvent>(&*event)) {
    return builtin_ ? TakeQuestion(std::move(*question), now) : TakeOutput("stdout", line);
  }
  clocks.Note(*event, now);
  if (std::holds_alternative<HeartbeatEvent>(*event)) return;
  if (auto* result = std::get_if<ResultEvent>(&*event)) {
    result_ = std::move(*result);
    return;
  }
  event_bytes_ += line.size();
  events_.push_back(std::move(*event));
}

void RunningAttempt::TakeQuestion(AskTurnEvent question, os::Steady now) {
  if (clocks.AwaitsTurn(now)) return;
  clocks.TurnAsked(now);
  open_question_ = question.id;
  question_ = std::move(question);
}

void RunningAttempt::TakeOutput(std::string_view stage, std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.empty()) return;
  LogEvent log;
  log.stage = stage;
  log.message = ValidUtf8(line.substr(0, kMaxLogLine));
  tail_.Add(std::move(log));
}

void RunningAttempt::Drain(os::Steady now) {
  ReadHeld(event_pipe_, [&] { return ReadEvents(now); });
  ReadHeld(error_pipe_, [&] { return ReadErrors(now); });
}

void RunningAttempt::Close(os::Steady now) {
  // Lines without their end, of pipes that somebody else still holds.
  event_lines_.Finish([&](std::string_view line) { TakeLine(line, now); });
  error_lines_.Finish([&](std::string_view line) { TakeOutput("stderr", line); });
  input_token_.reset();
  event_token_.reset();
  error_token_.reset();
  input_pipe_.Close();
  event_pipe_.Close();
  error_pipe_.Close();
}

void RunningAttempt::Refill() {
  event_budget_ = kEventBudget;
  if (!std::exchange(paused_, false) || !event_pipe_) return;
  event_token_ = loop_->WatchReadable(event_pipe_.get(), event_ready_);
}

std::vector<Event> RunningAttempt::TakeEvents(os::Steady now, bool all) {
  event_bytes_ = 0;
  std::vector<Event> taken = std::exchange(events_, {});
  if (!tail_.empty()) {
    std::vector<Event> output = tail_.Take(now, all);
    std::move(output.begin(), output.end(), std::back_inserter(taken));
  }
  return taken;
}

bool RunningAttempt::HasPlenty() const {
  return events_.size() >= kPlentyEvents || event_bytes_ >= kPlentyBytes;
}

}  // namespace forager::supervisor
