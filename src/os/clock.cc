#include "os/clock.h"

#include <time.h>

namespace forager::os {
namespace {

std::chrono::milliseconds Read(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return std::chrono::milliseconds(time.tv_sec * 1000 + time.tv_nsec / 1'000'000);
}

class RealClock final : public Clock {
 public:
  Wall Now() const override { return Wall(Read(CLOCK_REALTIME)); }
  Steady SteadyNow() const override { return Steady(Read(CLOCK_BOOTTIME)); }
};

}  // namespace

const Clock& SystemClock() {
  static const RealClock clock;
  return clock;
}

}  // namespace forager::os
