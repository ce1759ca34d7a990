// The three clocks of an attempt: heartbeat, progress, deadline. Told what was heard and when; says
// which limit has passed. Reads no clock itself.
#pragma once

#include <optional>
#include <string>

#include "job/event.h"
#include "job/outcome.h"
#include "os/clock.h"

namespace forager::supervisor {

struct AttemptLimits {
  Millis timeout{0}, heartbeat{0}, stall{0};
};

class AttemptClocks {
 public:
  AttemptClocks(os::Steady now, AttemptLimits limits)
      : limits_(limits), started_(now), heard_(now), progressed_(now) {}

  void Heard(os::Steady now) { heard_ = std::max(heard_, now); }
  // Whether the event is progress: a changed percent, stage or message, more bytes, a record, a
  // child job.
  bool Note(const Event& event, os::Steady now);
  // The attempt waits for its turn at a host: the progress clock rests from the question until the
  // wait that the server gives is over.
  void TurnAsked(os::Steady now) { turn_asked_ = now; }
  void TurnAnswered(os::Steady now, Millis wait);
  bool AwaitsTurn(os::Steady now) const { return turn_asked_ || now < turn_at_; }
  // The server itself stood still: silence meanwhile is not the attempt's.
  void Forgive(Millis pause);

  // kNone, or the limit that has passed; the deadline first.
  StopReason Check(os::Steady now) const;
  os::Steady Due() const;
  // "nothing heard for 30 s": the detail of a stop for `reason`.
  std::string Explain(StopReason reason, os::Steady now) const;
  // One sentence: "It was still working.", "It had made no progress for 12 minutes."
  std::string Describe(os::Steady now) const;

  const AttemptLimits& limits() const { return limits_; }
  os::Steady started() const { return started_; }
  os::Steady heard() const { return heard_; }
  os::Steady progressed() const { return progressed_; }
  const ProgressEvent& last() const { return last_; }

 private:
  AttemptLimits limits_;
  os::Steady started_, heard_, progressed_;
  std::optional<os::Steady> turn_asked_;
  os::Steady turn_at_{};
  ProgressEvent last_;
};

// "1.5 s", "12 minutes", "2 hours".
std::string DurationWords(Millis duration);

}  // namespace forager::supervisor
