// How many attempts may be started now. When the system has refused one (no descriptors, processes
// or memory left), as many as ran then are let through, and after a pause one more at a time. Pure;
// the supervisor tells it what became of each start.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "job/time.h"
#include "os/clock.h"

namespace forager::supervisor {

class StartGate {
 public:
  // At once, when nothing was refused for a while.
  static constexpr int kWide = 64;

  // `running` others run. `last` is the newest start under way: what becomes of those up to it is
  // one and the same event.
  void Refused(std::uint64_t id, std::uint64_t last, int running, std::string why, os::Steady now);
  // `running`, this one among them.
  void Started(std::uint64_t id, int running);
  // `live`: those that run or are being started.
  int Room(int live, os::Steady now) const;
  // Why starts are refused, in a sentence; "" when none was for a minute.
  std::string Shortage(os::Steady now) const;

 private:
  std::optional<int> level_;  // so many ran when one more was refused
  int more_ = kWide;          // beyond the level, once the pause is over
  std::uint64_t refused_to_ = 0;
  os::Steady closed_until_{};
  Millis pause_{0};
  std::string why_;
  os::Steady refused_at_{};
};

}  // namespace forager::supervisor
