// What this machine offers for keeping attempts apart, found by trying.
#include <fmt/format.h>
#include <unistd.h>

#include <cstring>

#include "os/child_process.h"
#include "os/mount_view.h"
#include "os/proc_files.h"
#include "os/process_life.h"
#include "os/sandbox.h"
#include "os/tcp_bytes.h"
#include "supervisor/attempt_process.h"
#include "supervisor/supervisor.h"

namespace forager::supervisor {
namespace {

std::string ProbeFork(os::Isolation isolation) {
  auto child = os::ForkInto(isolation);
  if (!child) return fmt::format("no: {}", std::strerror(child.error()));
  if (child->pid == 0) _exit(0);
  if (os::WaitEnded(child->pidfd, std::chrono::seconds(5))) os::Reap(child->pidfd);
  return "yes";
}

template <typename T>
std::string Words(const std::expected<T, std::string>& made) {
  return made ? "yes" : "no: " + made.error();
}

std::string ProbeCgroup() {
  std::string controllers = os::ReadSmallFile("/sys/fs/cgroup/cgroup.controllers");
  if (controllers.empty()) return "no: cgroup v2 is not mounted at /sys/fs/cgroup";
  for (const char* needed : {"memory", "pids"}) {
    if (controllers.find(needed) == std::string::npos)
      return fmt::format("no: the {} controller is missing", needed);
  }
  return "no: not used, PID namespaces and limits do its work";
}

// Of commands that know nothing of our protocol.
std::string ProbeSignsOfLife() {
  if (os::IsRoot() && !os::MaySeeProcessesOfOthers())
    return "no: root without CAP_SYS_PTRACE sees neither bytes nor connections of run_as's processes";
  return os::DumpTcp({{1, {}}}).complete ? "yes" : "no: the kernel has no socket diagnostics";
}

}  // namespace

void EquipHouse(AttemptHouse& house) {
  bool alone = house.isolation != os::Isolation::kNone;
  if (auto filter = os::SystemCallFilter::Make({false, alone}))
    house.builtin_filter = std::move(*filter);
  if (auto filter = os::SystemCallFilter::Make({true, alone}))
    house.command_filter = std::move(*filter);
  if (auto files = os::FileAccess::LibrariesOnly()) house.builtin_files = std::move(*files);
  if (auto files = os::FileAccess::Everything()) house.command_files = std::move(*files);
  house.mounts = os::ProbeMounts(house.isolation).has_value();
}

std::map<std::string, std::string> ProbeSandbox() {
  return {{"pid_namespaces", ProbeFork(os::Isolation::kPidNamespace)},
          {"user_namespaces", ProbeFork(os::Isolation::kUserAndPidNamespace)},
          {"mounts", Words(os::ProbeMounts(os::ProbeIsolation()))},
          {"seccomp", Words(os::SystemCallFilter::Make({}))},
          {"landlock", Words(os::FileAccess::LibrariesOnly())},
          {"cgroup", ProbeCgroup()},
          {"signs_of_life", ProbeSignsOfLife()}};
}

}  // namespace forager::supervisor
