// Deletes what is past its retention, in small batches with room for others between them. Lives on
// the event loop.
#pragma once

#include "os/clock.h"
#include "scheduler/store_calls.h"

namespace forager::scheduler {

class Pruner {
 public:
  // `retention` zero: jobs are kept for ever.
  Pruner(os::EventLoop& loop, const os::Clock& clock, StoreCalls& calls, Millis retention);
  void RunOnce();
  // The wall clock was set: nothing is deleted by it before it had the time to be set right again.
  void Hold();
  void SetRetention(Millis retention) { retention_ = retention; }

 private:
  void Batch(int left);

  os::EventLoop& loop_;
  const os::Clock& clock_;
  StoreCalls& calls_;
  Millis retention_;
  bool running_ = false;
  os::Steady held_until_{};
  os::EventLoop::Token timer_;
  os::EventLoop::Token pause_;
};

}  // namespace forager::scheduler
