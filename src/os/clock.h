// Time as an argument: a wall reading (stored, shown) and a steady one (durations, deadlines).
#pragma once

#include <chrono>
#include <cstdint>

namespace forager::os {

using Wall = std::chrono::sys_time<std::chrono::milliseconds>;
// CLOCK_BOOTTIME: suspend counts, and nobody can set it.
using Steady = std::chrono::time_point<std::chrono::steady_clock, std::chrono::milliseconds>;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Wall Now() const = 0;
  virtual Steady SteadyNow() const = 0;
};

// The system's clock.
const Clock& SystemClock();

// CLOCK_BOOTTIME, asked of the kernel itself: a library that fakes the time of day does not move it.
std::chrono::nanoseconds BootTime();

}  // namespace forager::os
