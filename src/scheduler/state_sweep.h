// Removes what jobs kept between their attempts once it can serve no other: the job is completed, or
// gone. Looks now and then, so that it does not matter who deleted a job, and when. Lives on the
// event loop.
#pragma once

#include <string>
#include <vector>

#include "scheduler/store_calls.h"
#include "supervisor/supervisor.h"

namespace forager::scheduler {

class StateSweep {
 public:
  StateSweep(os::EventLoop& loop, StoreCalls& calls, supervisor::Supervisor& supervisor);
  void RunOnce();

 private:
  void Batch();

  StoreCalls& calls_;
  supervisor::Supervisor& supervisor_;
  std::vector<std::string> left_;  // jobs that are still to be looked at
  bool running_ = false;
  os::EventLoop::Token timer_;
};

}  // namespace forager::scheduler
