#include "alerts/failure_rate.h"

namespace forager::alerts {
namespace {

constexpr std::size_t kMaxTypes = 200;
constexpr std::size_t kMaxMinutes = 24 * 60;

std::int64_t MinuteOf(os::Steady time) {
  return std::chrono::floor<std::chrono::minutes>(time.time_since_epoch()).count();
}

}  // namespace

void FailureRate::Count(const std::string& entity_type, bool failed, os::Steady now) {
  bool room = types_.size() < kMaxTypes || types_.contains(entity_type);
  auto& minutes = types_[room ? entity_type : "other types"];
  std::int64_t number = MinuteOf(now);
  if (minutes.empty() || minutes.back().number != number) minutes.push_back({number, {}});
  if (minutes.size() > kMaxMinutes) minutes.pop_front();
  ++minutes.back().sum.ended;
  minutes.back().sum.failed += failed ? 1 : 0;
}

std::map<std::string, FailureRate::Sum> FailureRate::Within(std::chrono::milliseconds window,
                                                            os::Steady now) const {
  std::int64_t first = MinuteOf(now - window);
  std::map<std::string, Sum> sums;
  for (const auto& [type, minutes] : types_) {
    Sum sum;
    for (auto at = minutes.rbegin(); at != minutes.rend() && at->number >= first; ++at) {
      sum.ended += at->sum.ended;
      sum.failed += at->sum.failed;
    }
    if (sum.ended > 0) sums[type] = sum;
  }
  return sums;
}

}  // namespace forager::alerts
