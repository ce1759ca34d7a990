#include "supervisor/stop_schedule.h"

#include <algorithm>

namespace forager::supervisor {
namespace {

constexpr Millis kDestroyAfter{200};
constexpr Millis kDestroyAgain{1000};
constexpr Millis kUnprovenAfter{500};
constexpr Millis kQuarantineAfter{30'000};

}  // namespace

void StopSchedule::Begin(os::Steady now, Millis grace, bool force) {
  os::Steady kill_at = force ? now : now + grace;
  if (begun_ && kill_at >= kill_at_) return;
  if (killed_) return;
  begun_ = true;
  terminated_ = terminated_ || force;
  kill_at_ = kill_at;
  destroy_at_ = kill_at + kDestroyAfter;
}

StopSchedule::Step StopSchedule::Next(os::Steady now) {
  if (!begun_) return Step::kNothing;
  if (!terminated_) {
    terminated_ = true;
    return Step::kTerminate;
  }
  if (now < kill_at_) return Step::kNothing;
  if (!killed_) {
    killed_ = true;
    return Step::kKill;
  }
  if (now >= destroy_at_) {
    destroy_at_ = now + kDestroyAgain;
    return Step::kDestroy;
  }
  if (!unproven_ && now >= kill_at_ + kUnprovenAfter) {
    unproven_ = true;
    return Step::kUnproven;
  }
  if (!quarantined_ && now >= kill_at_ + kQuarantineAfter) {
    quarantined_ = true;
    return Step::kQuarantine;
  }
  return Step::kNothing;
}

std::optional<os::Steady> StopSchedule::Due() const {
  if (!begun_) return std::nullopt;
  if (!terminated_ || !killed_) return terminated_ ? kill_at_ : os::Steady{};
  os::Steady due = destroy_at_;
  if (!unproven_) due = std::min(due, kill_at_ + kUnprovenAfter);
  if (!quarantined_) due = std::min(due, kill_at_ + kQuarantineAfter);
  return due;
}

}  // namespace forager::supervisor
