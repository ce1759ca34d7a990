// Looks at process trees in a process of its own: whatever is read of another process, the kernel
// may have its reader wait for it, for seconds on a crowded machine.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "os/descriptor.h"
#include "os/event_loop.h"
#include "supervisor/keeper_protocol.h"

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

// What it finds, word by word.
struct LookWord {
  enum class Kind : std::uint32_t {
    kExceeded,  // the tree is beyond `limit`
    kAsked,     // the tree is going to be measured
    kMeasured,
  };
  Kind kind = Kind::kMeasured;
  Limit limit = Limit::kMemory;  // of kExceeded
  TreeMeasure measure;           // all but its id: of kMeasured
};
void MeasureTrees(const std::vector<TreeWork>& work, dev_t disk,
                  const std::function<void(const LookWord&)>& tell);

class LookingProcess {
 public:
  using Tell = std::function<void(const LookWord&)>;
  explicit LookingProcess(os::EventLoop& loop) : loop_(loop) {}

  // `look` runs in a copy of the caller. `taken` for each of its words, then `ended`; some may be
  // missing, since the process is killed and left behind when it takes too long. False: it cannot be started.
  bool Start(const std::function<void(const Tell&)>& look, Tell taken, std::function<void()> ended);

 private:
  void Read();
  void End();

  os::EventLoop& loop_;
  os::Descriptor process_, pipe_;
  os::EventLoop::Token readable_, late_;
  Tell taken_;
  std::function<void()> ended_;
};

}  // namespace forager::supervisor
