// Submits the jobs of schedules that are due: looks when the next one is, and each second in any
// case, so that jumps of the clock and what other servers do are seen. Lives on the event loop.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "os/clock.h"
#include "scheduler/policy.h"
#include "scheduler/store_calls.h"

namespace forager::scheduler {

class Schedules {
 public:
  Schedules(os::EventLoop& loop, const os::Clock& clock, StoreCalls& calls,
            std::function<const Policy&()> policy, std::function<std::int64_t()> max_pending);

  // From now on, until Stop.
  void Start();
  void Stop();
  // Something changed: look now.
  void Wake();
  // One pass over all that is due; one that is asked for meanwhile follows it.
  void RunOnce();
  bool idle() const { return !running_; }

 private:
  struct Look {
    std::vector<Schedule> due;
    std::optional<WallTime> next;
  };
  void Step(const Schedule& schedule, WallTime now);
  void Stepped(const Schedule& schedule, Result<bool> stepped);
  void Finished(const Look& look);

  os::EventLoop& loop_;
  const os::Clock& clock_;
  StoreCalls& calls_;
  std::function<const Policy&()> policy_;
  std::function<std::int64_t()> max_pending_;
  bool started_ = false;
  bool running_ = false;
  bool again_ = false;
  std::string look_error_;                      // told once
  std::set<std::int64_t> failing_;  // due schedules whose last step failed, told once
  os::EventLoop::Token timer_;
};

}  // namespace forager::scheduler
