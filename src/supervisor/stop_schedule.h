// Stopping is a schedule, not a call: TERM, grace, KILL, again until the tree is empty. Says what
// is due; never signals anybody.
#pragma once

#include <optional>

#include "job/time.h"
#include "os/clock.h"

namespace forager::supervisor {

class StopSchedule {
 public:
  enum class Step {
    kNothing,
    kTerminate,   // TERM and CONT to the tree
    kKill,        // KILL to the tree by its first process, which counts the survivors
    kDestroy,     // KILL to the first process: the kernel empties its namespace. Again each second
    kUnproven,    // the job must leave running now, proof or not
    kQuarantine,  // still there long after KILL
  };

  bool begun() const { return begun_; }
  // A second order only hastens: the earlier moment of KILL stands.
  void Begin(os::Steady now, Millis grace, bool force);
  // The next step that is due; to be asked until there is none.
  Step Next(os::Steady now);
  // When the next step is due; none before the beginning.
  std::optional<os::Steady> Due() const;

 private:
  bool begun_ = false;
  bool terminated_ = false, killed_ = false, unproven_ = false, quarantined_ = false;
  os::Steady kill_at_{}, destroy_at_{};
};

}  // namespace forager::supervisor
