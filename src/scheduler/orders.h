// Looks into the store for orders to the attempts that live here: a cancel request, or a job that
// has left the attempt (reset, edited by hand). Lives on the event loop.
#pragma once

#include "scheduler/store_calls.h"
#include "supervisor/supervisor.h"

namespace forager::scheduler {

class Orders {
 public:
  Orders(os::EventLoop& loop, StoreCalls& calls, supervisor::Supervisor& supervisor);
  // At once, and every second besides. A read that fails is made again: at once, then with a pause.
  void Check();

 private:
  void Found(Result<std::vector<store::Order>> found);

  os::EventLoop& loop_;
  StoreCalls& calls_;
  supervisor::Supervisor& supervisor_;
  bool checking_ = false;
  bool again_ = false;
  bool failed_ = false;  // the last read
  os::EventLoop::Token retry_;
  os::EventLoop::Token timer_;
};

}  // namespace forager::scheduler
