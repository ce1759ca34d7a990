#include "supervisor/capacity.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <sstream>

#include "os/proc_files.h"
#include "os/sandbox.h"

namespace forager::supervisor {
namespace {

constexpr std::int64_t kNone = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kOwnFiles = 128;  // of the server itself
constexpr std::int64_t kOthersProcesses = 512;
constexpr std::int64_t kOwnThreads = 24;  // of server and keeper, which count as processes

std::int64_t ReadNumber(const std::string& text) {
  return text.empty() || text.starts_with("max") || text.starts_with("unlimited")
             ? kNone
             : std::atoll(text.c_str());
}

// The soft or hard figure of a line of /proc/PID/limits.
std::int64_t LimitOf(const std::string& limits, std::string_view name, bool hard) {
  auto at = limits.find(name);
  if (at == limits.npos) return kNone;
  std::istringstream fields(limits.substr(at + name.size(), 60));
  std::string soft, most;
  fields >> soft >> most;
  return ReadNumber(hard ? most : soft);
}

// The least `pids.max` on the way from the process's control group to the root.
std::int64_t PidsOfGroup(const std::string& groups) {
  std::int64_t least = kNone;
  std::istringstream lines(groups);
  for (std::string line; std::getline(lines, line);) {
    bool second = line.starts_with("0::");
    auto path = line.find(":/");
    if (path == line.npos || (!second && line.find(":pids:") == line.npos)) continue;
    std::filesystem::path root(second ? "/sys/fs/cgroup" : "/sys/fs/cgroup/pids");
    std::filesystem::path group(line.substr(path + 2));
    for (int depth = 0; depth < 64; ++depth, group = group.parent_path()) {
      std::string most = os::ReadSmallFile((root / group / "pids.max").string(), 64);
      least = std::min(least, ReadNumber(most));
      if (group.empty()) break;
    }
  }
  return least;
}

std::int64_t AvailableBytes() {
  std::string text = os::ReadSmallFile("/proc/meminfo");
  auto at = text.find("MemAvailable:");
  return at == text.npos ? kNone : std::atoll(text.c_str() + at + 13) * 1024;
}

std::int64_t Share(std::int64_t all, std::int64_t others, std::int64_t each) {
  return all == kNone ? kNone : std::max<std::int64_t>(0, all - others) / each;
}

}  // namespace

std::int64_t DescriptorsForAttempts(std::int64_t open_files, int max_connections) {
  // A small limit is shared: a server that answers and starts nothing is of no use either.
  return open_files - std::min(kOwnFiles + max_connections, open_files / 2);
}

std::vector<Ceiling> Ceilings(pid_t server, int max_connections) {
  std::string process = server > 0 ? fmt::format("/proc/{}/", server) : "/proc/self/";
  std::string limits = os::ReadSmallFile(process + "limits", 8'192);
  std::int64_t files = LimitOf(limits, "Max open files", true);
  if (server <= 0) files = std::max(files, static_cast<std::int64_t>(os::ReachableOpenFiles()));
  std::vector<Ceiling> found = {
      {"open files", DescriptorsForAttempts(files, max_connections) / kDescriptorsOfBuiltin,
       "LimitNOFILE= of the service, `ulimit -Hn`"},
      {"processes of a user",
       Share(LimitOf(limits, "Max processes", false), kOwnThreads, kProcessesOfAttempt),
       "LimitNPROC= of the service, `ulimit -u`"},
      {"processes of the control group",
       Share(PidsOfGroup(os::ReadSmallFile(process + "cgroup")), 32, kProcessesOfAttempt),
       "TasksMax= of the service, --pids-limit of the container"},
      {"process numbers",
       Share(ReadNumber(os::ReadSmallFile("/proc/sys/kernel/pid_max", 64)), kOthersProcesses,
             kProcessesOfAttempt),
       "`sysctl kernel.pid_max`"},
      {"memory", Share(AvailableBytes(), 0, kMemoryOfAttempt), "more memory"}};
  std::ranges::stable_sort(found, {}, &Ceiling::attempts);
  return found;
}

}  // namespace forager::supervisor
