// What a silent or stalled attempt is doing, taken before it is killed.
#pragma once

#include <sys/types.h>

#include <future>
#include <optional>
#include <string>
#include <vector>

#include "os/proc_files.h"
#include "supervisor/attempt_clocks.h"

namespace forager::supervisor {

class Snapshots {
 public:
  // A JSON object. `collector` and what runs below it; at most half a second. While the kernel lets
  // an earlier one wait for a process, none is asked about.
  std::string Take(pid_t collector, const AttemptClocks& clocks, os::Steady now);

 private:
  struct Seen {
    std::vector<os::ProcessView> processes;
    std::size_t process_count = 0;
    std::vector<std::string> sockets;
  };
  static Seen Read(pid_t collector);
  std::optional<Seen> ReadInTime(pid_t collector);

  std::future<Seen> read_;
};

}  // namespace forager::supervisor
