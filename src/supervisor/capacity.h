// How many attempts at once the limits of this machine allow: the one place that says what an
// attempt costs. Asked by the supervisor before each start and by `forager doctor`.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace forager::supervisor {

// Of the server: two pipes and a pidfd. A built-in collector is also told something later.
constexpr std::int64_t kDescriptorsOfCommand = 3;
constexpr std::int64_t kDescriptorsOfBuiltin = 4;
// Its first process, a shell, and the program that the shell waits for.
constexpr std::int64_t kProcessesOfAttempt = 3;
// Of a command that does next to nothing, with its first process.
constexpr std::int64_t kMemoryOfAttempt = 1 << 20;

// Descriptors for attempts, when `open_files` may be open: the rest is for connections and files.
std::int64_t DescriptorsForAttempts(std::int64_t open_files, int max_connections);

struct Ceiling {
  std::string limit;          // "open files"
  std::int64_t attempts = 0;  // so many at once
  std::string advice;         // how it is raised
};
// The narrowest first, for the process `server` (0: this one, as a server would find it).
std::vector<Ceiling> Ceilings(pid_t server, int max_connections);

}  // namespace forager::supervisor
