#include "os/clock.h"

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace forager::os {
namespace {

class RealClock final : public Clock {
 public:
  Wall Now() const override {
    timespec time{};
    clock_gettime(CLOCK_REALTIME, &time);
    return Wall(std::chrono::milliseconds(time.tv_sec * 1000 + time.tv_nsec / 1'000'000));
  }
  Steady SteadyNow() const override {
    return Steady(std::chrono::duration_cast<std::chrono::milliseconds>(BootTime()));
  }
};

}  // namespace

const Clock& SystemClock() {
  static const RealClock clock;
  return clock;
}

std::chrono::nanoseconds BootTime() {
  timespec time{};
  syscall(SYS_clock_gettime, CLOCK_BOOTTIME, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace forager::os
