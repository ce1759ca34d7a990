// The server's side of one attempt: its pipes, its clocks, its stop schedule and what it said.
// Passive: the supervisor calls it when something is ready or due.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "job/turn.h"
#include "os/descriptor.h"
#include "os/event_loop.h"
#include "supervisor/attempt_clocks.h"
#include "supervisor/output_tail.h"
#include "supervisor/stop_schedule.h"
#include "supervisor/supervisor.h"

namespace forager::supervisor {

class RunningAttempt {
 public:
  RunningAttempt(std::uint64_t id, const AttemptSpec& spec, os::Steady now);

  // Makes the pipes, puts the job into its input and returns the child's ends: input, events,
  // errors. errno in the error.
  std::expected<std::vector<os::Descriptor>, int> Open(std::string input);
  // Reads on from now on; `changed` is called when there may be something to hand over.
  void Watch(os::EventLoop& loop, const os::Clock& clock, std::function<void()> changed);
  // All that was said by now: before a limit is believed, and after the end.
  void Drain(os::Steady now);
  void Close(os::Steady now);
  // A new second: output is let through again.
  void Refill();

  // The question for a turn that is to be handed over, once. The attempt may ask again when it was
  // answered and has waited; what it asks before is ignored.
  std::optional<AskTurnEvent> TakeQuestion() { return std::exchange(question_, std::nullopt); }
  // To the one open question; any other answer changes nothing.
  void Answer(const TurnAnswer& answer, os::Steady now);
  bool had_turn() const { return had_turn_; }
  // Its first question was refused: it could do nothing.
  bool no_turn() const { return no_turn_; }

  // What is to be handed over; `all` at the end.
  std::vector<Event> TakeEvents(os::Steady now, bool all);
  bool HasPlenty() const;
  bool HasAnything() const { return !events_.empty() || !tail_.empty(); }

  std::uint64_t id() const { return id_; }
  const AttemptRef& ref() const { return ref_; }
  bool builtin() const { return builtin_; }
  Millis grace() const { return grace_; }
  std::int64_t memory_bytes() const { return memory_bytes_; }
  const std::optional<ResultEvent>& result() const { return result_; }

  AttemptClocks clocks;
  StopSchedule schedule;
  StopReason stop = StopReason::kNone;
  std::string stop_detail;
  std::optional<std::string> snapshot;
  os::Descriptor pidfd;          // of its first process
  std::uint32_t generation = 0;  // of its keeper
  int pid = 0;                   // the collector's
  bool keeper_lost = false;
  bool ended = false;  // OnEnded was said; only the proof is missing

 private:
  std::size_t ReadEvents(os::Steady now);  // bytes; 0: nothing more for now
  std::size_t ReadErrors(os::Steady now);
  void TakeLine(std::string_view line, os::Steady now);
  void TakeOutput(std::string_view stage, std::string_view line);
  void TakeQuestion(AskTurnEvent question, os::Steady now);
  void WriteInput();
  void WatchInput();

  std::uint64_t id_;
  AttemptRef ref_;
  bool builtin_;
  Millis grace_;
  std::int64_t memory_bytes_;
  os::EventLoop* loop_ = nullptr;
  std::function<void()> event_ready_;
  std::string input_;
  os::Descriptor input_pipe_, event_pipe_, error_pipe_;
  os::EventLoop::Token input_token_, event_token_, error_token_;
  LineReader event_lines_, error_lines_;
  OutputTail tail_;
  std::vector<Event> events_;
  std::size_t event_bytes_ = 0;
  std::size_t event_budget_;  // of this second
  bool paused_ = false;
  std::optional<ResultEvent> result_;
  std::optional<AskTurnEvent> question_;
  std::optional<std::int64_t> open_question_;
  bool had_turn_ = false;
  bool no_turn_ = false;
};

}  // namespace forager::supervisor
