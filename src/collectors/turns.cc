#include "collectors/turns.h"

#include <algorithm>
#include <thread>

namespace forager::collectors {

std::optional<NoTurn> OwnPace::operator()(const TurnWish& wish) {
  const os::Steady now = os::SystemClock().SteadyNow();
  const auto [last, first] = last_.try_emplace(wish.host, now);
  if (!first) last->second = std::max(now, last->second + std::max(host_interval_, wish.interval));
  std::this_thread::sleep_for(last->second - now);
  return std::nullopt;
}

}  // namespace forager::collectors
