// One thread's loop: posted functions, readable and writable descriptors, timers, signals.
// Everything the supervisor and the scheduler do runs here. Only Post may be called from other
// threads.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

namespace forager::os {

class EventLoop {
 public:
  // Ends what it stands for when destroyed; must be destroyed on the loop's thread.
  class Handle {
   public:
    virtual ~Handle() = default;
  };
  using Token = std::unique_ptr<Handle>;

  virtual ~EventLoop() = default;
  virtual void Post(std::function<void()> task) = 0;
  // Level-triggered: called as long as the descriptor is ready. The descriptor stays the caller's.
  virtual Token WatchReadable(int fd, std::function<void()> ready) = 0;
  virtual Token WatchWritable(int fd, std::function<void()> ready) = 0;
  virtual Token After(std::chrono::milliseconds delay, std::function<void()> due) = 0;  // once
  virtual Token Every(std::chrono::milliseconds interval,
                      std::function<void()> due) = 0;  // until the token ends
  virtual Token OnSignal(
      int signal, std::function<void()> raised) = 0;  // blocked before the first thread, read here
  virtual void Run() = 0;                             // until Stop
  virtual void Stop() = 0;                            // from the loop's thread

  static std::unique_ptr<EventLoop> Make();
};

}  // namespace forager::os
