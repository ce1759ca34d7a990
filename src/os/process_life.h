// What a process has used and moved so far, as the kernel counts it: for telling whether a silent
// one works. Nothing here waits or blocks on the process.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace forager::os {

// Nanoseconds that the process's own threads have run; nothing when it is gone. To be had of every
// process, and exact: one that has not run since has done nothing since.
std::optional<std::int64_t> CpuTime(pid_t pid);

struct ProcessLife {
  pid_t pid = 0;
  pid_t parent = 0;
  std::uint64_t born = 0;         // tells it from a later process of the same number
  bool runs = false;              // now, or waits for a processor
  std::int64_t cpu = 0;           // nanoseconds, of its own
  std::int64_t child_cpu = 0;     // of children that ended, to 10 ms
  std::int64_t child_faults = 0;  // grows with every child that ends
  // Bytes and calls of reading and writing files and pipes, with those of children that ended. What
  // recv() and send() move is not among them.
  std::int64_t read = 0, written = 0, reads = 0, writes = 0;
  bool readable = true;                // false: bytes and sockets are hidden from us
  std::vector<std::uint64_t> sockets;  // inodes
};
// Nothing when it is gone.
std::optional<ProcessLife> ReadProcessLife(pid_t pid);

// Whether this process may see bytes and sockets of others' processes.
bool MaySeeProcessesOfOthers();

}  // namespace forager::os
