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
#include "supervisor/capacity.h"
#include "supervisor/last_words.h"
#include "supervisor/line_changes.h"
#include "supervisor/object_lines.h"
#include "supervisor/output_stream.h"
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

  // A sentence of the server's own for the log of the job.
  void Note(LogLevel level, std::string message);
  // What is to be handed over; `all` at the end.
  std::vector<Event> TakeEvents(os::Steady now, bool all);
  bool HasPlenty() const;
  bool HasAnything() const {
    return !events_.empty() || !tail_.empty() || stdout_.waits() || stderr_.waits();
  }
  // What TakeEvents does not give, since the last time.
  AttemptObserver::Lost TakeLost();
  // When it is to be stopped because it has said its result and does not end; none: not said.
  std::optional<os::Steady> end_due() const;
  // What its output says of its death; complete when all was taken.
  const LastWords& last_words() const { return last_words_; }

  std::uint64_t id() const { return id_; }
  const AttemptRef& ref() const { return ref_; }
  bool builtin() const { return builtin_; }
  std::int64_t descriptors() const {
    if (builtin_) return kDescriptorsOfBuiltin;
    return kDescriptorsOfCommand + (output_ == Output::kEvents ? 0 : 1);
  }
  Millis grace() const { return grace_; }
  const std::string& directory() const { return directory_; }
  const TreeLimits& limits() const { return limits_; }
  // What came out of its pipes so far.
  std::int64_t output_bytes() const { return output_bytes_; }
  const std::optional<ResultEvent>& result() const { return result_; }

  AttemptClocks clocks;
  StopSchedule schedule;
  StopReason stop = StopReason::kNone;
  std::string stop_detail;
  std::string refused;  // a path it named and cannot have; one sentence, "" when there is none
  std::optional<std::string> snapshot;
  os::Descriptor pidfd;          // of its first process
  std::uint32_t generation = 0;  // of its keeper
  int pid = 0;                   // the collector's
  bool keeper_lost = false;
  bool ended = false;  // OnEnded was said; only the proof is missing
  bool begun = false;  // it has, or had, a process
  bool waits = false;  // for the next hand-over

 private:
  std::size_t ReadEvents(os::Steady now);  // bytes; 0: nothing more for now
  std::size_t ReadErrors(os::Steady now);
  void NoteOutput(std::string_view part, LineChanges& changes, os::Steady now);
  void TakeLine(const OutputLine& line, os::Steady now);
  void TakeText(std::string_view text, os::Steady now);
  void TakeEvent(Event event, std::size_t bytes, os::Steady now);
  void TakeResult(ResultEvent result, bool unreadable, os::Steady now);
  void TellProblems(const ParsedEvent& parsed);
  std::size_t ReadPrinted(os::Steady now);
  void TakePrinted(const OutputLine& line, os::Steady now);
  void TakeOutput(Source source, const OutputLine& line);
  void Spend(std::size_t bytes);
  void TakeQuestion(AskTurnEvent question, os::Steady now);
  void WriteInput();
  void WatchInput();

  std::uint64_t id_;
  AttemptRef ref_;
  bool builtin_;
  Millis grace_;
  std::string directory_;
  Output output_;
  TreeLimits limits_;
  os::EventLoop* loop_ = nullptr;
  std::function<void()> event_ready_, error_ready_, printed_ready_;
  std::string input_;
  os::Descriptor input_pipe_, event_pipe_, error_pipe_;
  os::Descriptor printed_pipe_;  // standard output, where it is no events
  os::EventLoop::Token input_token_, event_token_, error_token_, printed_token_;
  LineReader event_lines_, error_lines_, printed_lines_;
  ObjectLines object_;
  LineChanges event_changes_, error_changes_, printed_changes_;
  std::int64_t output_bytes_ = 0;
  OutputTail tail_;
  LastWords last_words_;
  OutputStream stdout_{"stdout", last_words_}, stderr_{"stderr", last_words_};
  std::vector<Event> events_;
  std::size_t event_bytes_ = 0;
  // Of this second, for both pipes: what is beyond it waits in them.
  std::size_t budget_;
  bool events_paused_ = false, errors_paused_ = false, printed_paused_ = false;
  std::optional<ResultEvent> result_;
  os::Steady result_at_{};  // or the last progress after it
  bool unreadable_result_ = false;
  std::int64_t unreadable_ = 0;  // events, not told yet
  std::int64_t warnings_ = 0;    // of them, in all
  unsigned mended_ = 0;          // JsonMend bits that were told
  std::optional<AskTurnEvent> question_;
  std::optional<std::int64_t> open_question_;
  bool had_turn_ = false;
  bool no_turn_ = false;
};

}  // namespace forager::supervisor
