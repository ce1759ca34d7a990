// What the kernel tells of processes under /proc. Never reads a file that can block on the process
// (its command line and memory); every list has a bound.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace forager::os {

// At most `limit` bytes of a small file; empty when it cannot be read.
std::string ReadSmallFile(const std::string& path, std::size_t limit = 4096);
// For the small files of /proc/self; false when refused.
bool WriteSmallFile(const char* path, std::string_view text);

// All living processes below `root`, without itself.
std::vector<pid_t> Descendants(pid_t root);

struct ProcessView {
  pid_t pid = 0;
  std::string name;
  std::string state;         // "S (sleeping)"
  std::string wait_channel;  // "" when the kernel does not say
  std::string system_call;   // number and arguments
  std::string stack;
};
ProcessView ViewProcess(pid_t pid);
// "tcp 10.0.0.1:5000 -> 93.184.216.34:443 ESTABLISHED".
std::vector<std::string> OpenSockets(pid_t pid);

bool HasInEnvironment(pid_t pid, std::string_view entry);
// Processes whose environment has `entry` as the beginning of a variable; never the caller itself.
std::vector<pid_t> FindByEnvironment(std::string_view entry);

}  // namespace forager::os
