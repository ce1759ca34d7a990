// What a process tree holds of memory and of the disk, counted page by page. Looks where the kernel may
// let its reader wait for a process: never to be called by a process that others wait for.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace forager::os {

struct TreeHoldings {
  // Own and shared pages, what is swapped, and what lies in memory files that one of them has open
  // or in a tmpfs that only they see. A page counts once, whoever shares it.
  std::int64_t memory_bytes = 0;
  std::int64_t unmapped_bytes = 0;  // of these: in memory files, beyond what processes map
  // Deleted files that one of them has open, on the file system of `disk`.
  std::int64_t deleted_bytes = 0;
};
TreeHoldings MeasureTree(const std::vector<pid_t>& pids, dev_t disk);

constexpr std::int64_t kLeastOfAnEntry = 1024;
// Disk space of all below `path` and on its file system; some for each entry. Stops
// counting beyond `enough`. Changes the caller's directory, and opens what its owner has closed.
std::int64_t SizeOnDisk(const std::string& path, std::int64_t enough);

}  // namespace forager::os
