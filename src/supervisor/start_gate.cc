#include "supervisor/start_gate.h"

#include <algorithm>
#include <utility>

namespace forager::supervisor {
namespace {

constexpr Millis kFirstPause{200};
constexpr Millis kLastPause{10'000};
constexpr Millis kRemember{60'000};

}  // namespace

void StartGate::Refused(std::uint64_t id, std::uint64_t last, int running, std::string why,
                        os::Steady now) {
  why_ = std::move(why);
  refused_at_ = now;
  if (id <= refused_to_) return;
  refused_to_ = last;
  level_ = running;
  more_ = 1;
  pause_ = std::clamp(pause_ * 2, kFirstPause, kLastPause);
  closed_until_ = now + pause_;
}

void StartGate::Started(std::uint64_t id, int running) {
  if (!level_ || id <= refused_to_ || running <= *level_) return;
  level_ = running;
  pause_ = {};
  more_ = std::min(more_ * 2, kWide);
  if (more_ == kWide) level_.reset();
}

int StartGate::Room(int live, os::Steady now) const {
  if (!level_) return kWide;
  int more = now < closed_until_ ? 0 : more_;
  return std::clamp(*level_ + more - live, 0, kWide);
}

std::string StartGate::Shortage(os::Steady now) const {
  return !why_.empty() && now - refused_at_ < kRemember ? why_ : "";
}

}  // namespace forager::supervisor
