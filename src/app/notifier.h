// Tells the readers of GET /events what changed. Fed by the store's commits from any thread; works
// on the event loop, and only when somebody listens.
#pragma once

#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "api/event_hub.h"
#include "os/clock.h"
#include "os/event_loop.h"
#include "store/store_service.h"

namespace forager::app {

class Notifier {
 public:
  Notifier(os::EventLoop& loop, const os::Clock& clock, store::StoreService& store,
           api::EventHub& events);

  void Changed(const store::Committed& committed);  // thread-safe
  void Logged(const AttemptRef& ref, const std::vector<LogLine>& lines);

 private:
  void Tell();

  const os::Clock& clock_;
  store::StoreService& store_;
  api::EventHub& events_;
  std::mutex mutex_;
  std::set<std::string> changed_;
  bool any_ = false;
  os::EventLoop::Token tick_;
  os::EventLoop::Token keep_alive_;
};

}  // namespace forager::app
