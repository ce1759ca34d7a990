// All processes of the machine and what it has left, as the kernel tells them under /proc. Reading
// a process's row may wait for it, for seconds on a crowded machine: never on an event loop.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "os/descriptor.h"

namespace forager::os {

struct ProcessRow {
  pid_t pid = 0;
  pid_t parent = 0;
  int threads = 0;
  std::int64_t resident_bytes = 0;  // files that are mapped counted too
};

class ProcessTable {
 public:
  ProcessTable();
  std::vector<pid_t> Pids() const;
  std::optional<ProcessRow> Row(pid_t pid) const;

 private:
  Descriptor proc_;
};

// Memory of one process that only its end gives back: its own pages, shared ones, swapped ones.
// Each page counts in full, also one that others have too.
std::int64_t HeldMemory(pid_t pid);

struct MachineLoad {
  std::int64_t available_bytes = 0;
  std::int64_t shared_bytes = 0;  // tmpfs, memfd, shared memory
  std::int64_t tasks = 0;         // processes and threads
};
MachineLoad ReadMachineLoad();

}  // namespace forager::os
