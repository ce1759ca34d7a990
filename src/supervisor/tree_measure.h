// Measures process trees exactly, in a process of its own: to read a process's memory map the kernel
// may have its reader wait for that process.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "os/descriptor.h"
#include "os/event_loop.h"

namespace forager::supervisor {

struct TreeWork {
  std::uint64_t id = 0;
  std::vector<pid_t> pids;
  std::vector<std::string> directories;
  std::int64_t scratch_limit = 0;
};
struct TreeMeasure {
  std::uint64_t id = 0;
  std::int64_t memory_bytes = 0;
  std::int64_t unmapped_bytes = 0;  // of these: in memory files that nobody maps
  std::int64_t scratch_bytes = 0;   // counted until it is beyond its limit
};

class MeasuringProcess {
 public:
  explicit MeasuringProcess(os::EventLoop& loop) : loop_(loop) {}

  // `taken` for each tree that was measured, then `ended`; some may be missing, since the process is
  // left behind when it takes too long. False: it cannot be started.
  bool Start(const std::vector<TreeWork>& work, dev_t disk,
             std::function<void(const TreeMeasure&)> taken, std::function<void()> ended);

 private:
  void Read();
  void End();

  os::EventLoop& loop_;
  os::Descriptor pipe_;
  os::EventLoop::Token readable_, late_;
  std::function<void(const TreeMeasure&)> taken_;
  std::function<void()> ended_;
};

}  // namespace forager::supervisor
