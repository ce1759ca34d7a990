// When each attempt's clocks are to be looked at next, so that a look costs as much as is due. What
// was put off since is found out then.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <unordered_map>
#include <utility>
#include <vector>

#include "os/clock.h"

namespace forager::supervisor {

class DueQueue {
 public:
  // An earlier moment than asked for before; a later one changes nothing.
  void Add(std::uint64_t id, os::Steady due) {
    auto [at, fresh] = due_.try_emplace(id, due);
    if (!fresh && at->second <= due) return;
    at->second = due;
    order_.emplace(due, id);
  }
  void Forget(std::uint64_t id) { due_.erase(id); }
  // The earliest moment; the end of time when there is none.
  os::Steady Next() {
    while (!order_.empty() && !IsCurrent()) order_.pop();
    return order_.empty() ? os::Steady::max() : order_.top().first;
  }
  // One that is due; 0 when there is none.
  std::uint64_t Take(os::Steady now) {
    if (Next() > now) return 0;
    std::uint64_t id = order_.top().second;
    order_.pop();
    due_.erase(id);
    return id;
  }

 private:
  using Entry = std::pair<os::Steady, std::uint64_t>;
  bool IsCurrent() const {
    auto found = due_.find(order_.top().second);
    return found != due_.end() && found->second == order_.top().first;
  }
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> order_;  // stale ones among them
  std::unordered_map<std::uint64_t, os::Steady> due_;
};

}  // namespace forager::supervisor
