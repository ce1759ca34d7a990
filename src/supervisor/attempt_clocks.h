// The three clocks of an attempt: heartbeat, progress, deadline. Told what was heard and seen, and
// when; says which limit has passed. Reads no clock itself.
//
// A command that has not spoken our protocol is a stranger: its heartbeat clock rests unless
// somebody set it, and what its processes do counts as well as what it says. It is looked at while
// it is silent; no limit of a stranger is believed without a look.
#pragma once

#include <algorithm>
#include <optional>
#include <string>

#include "job/event.h"
#include "job/outcome.h"
#include "os/clock.h"
#include "supervisor/life_signs.h"

namespace forager::supervisor {

struct AttemptLimits {
  Millis timeout{0}, heartbeat{0}, stall{0};
  bool heartbeat_set = false;  // by somebody: then it counts for strangers too
};

class AttemptClocks {
 public:
  AttemptClocks(os::Steady now, AttemptLimits limits, bool stranger = false)
      : limits_(limits), stranger_(stranger), started_(now), heard_(now), progressed_(now) {}

  // It has its process: the way there was the server's.
  void Begun(os::Steady now) {
    heard_ = std::max(heard_, now);
    progressed_ = std::max(progressed_, now);
  }
  void Heard(os::Steady now);
  // A line that differs from the one before it: of a stranger it is progress.
  void HeardNew(os::Steady now);
  // Whether the event is progress: a changed percent, stage or message, more bytes, a record, a
  // child job. Progress, a record or a heartbeat end that it is a stranger.
  bool Note(const Event& event, os::Steady now);
  // The attempt waits for its turn at a host: the progress clock rests from the question until the
  // wait that the server gives is over.
  void TurnAsked(os::Steady now) { turn_asked_ = now; }
  void TurnAnswered(os::Steady now, Millis wait);
  bool AwaitsTurn(os::Steady now) const { return turn_asked_ || now < turn_at_; }
  // The server itself stood still: silence meanwhile is not the attempt's.
  void Forgive(Millis pause);

  // True when its processes are to be looked at now. Then it waits for Saw, and asks for nothing.
  bool TakeLook(os::Steady now);
  void Saw(const LifeSigns& signs);

  // kNone, or the limit that has passed; the deadline first.
  StopReason Check(os::Steady now) const;
  os::Steady Due() const;
  // "nothing heard for 30 s": the detail of a stop for `reason`.
  std::string Explain(StopReason reason, os::Steady now) const;
  // One sentence: "It was still working.", "It had made no progress for 12 minutes."
  std::string Describe(os::Steady now) const;
  // "Signs of life: output 3 s ago, 12 KiB moved 1 s ago, CPU 40 ms 1 s ago." and which clock
  // rests.
  std::string Signs(os::Steady now) const;

  const AttemptLimits& limits() const { return limits_; }
  bool stranger() const { return stranger_; }
  bool heartbeat_rests() const { return stranger_ && !limits_.heartbeat_set; }
  os::Steady started() const { return started_; }
  os::Steady heard() const { return heard_; }
  os::Steady progressed() const { return progressed_; }
  const ProgressEvent& last() const { return last_; }

 private:
  struct Sign {
    std::int64_t amount = 0;
    os::Steady at{};
  };

  std::optional<os::Steady> NextLook() const;
  bool Passed(Millis limit, os::Steady since, bool sign, os::Steady now) const;

  AttemptLimits limits_;
  bool stranger_;
  os::Steady started_, heard_, progressed_;
  std::optional<os::Steady> turn_asked_;
  os::Steady turn_at_{};
  ProgressEvent last_;

  bool looking_ = false;
  std::optional<LifeSigns> look_;  // the last one
  std::optional<os::Steady> output_, new_output_;
  std::optional<Sign> cpu_, bytes_;  // the last seen: milliseconds, bytes
};

// "1.5 s", "12 minutes", "2 hours".
std::string DurationWords(Millis duration);

}  // namespace forager::supervisor
