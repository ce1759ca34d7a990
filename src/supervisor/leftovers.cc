#include "supervisor/leftovers.h"

#include <fmt/format.h>
#include <signal.h>

#include <cstring>
#include <thread>

#include "os/child_process.h"
#include "os/clock.h"
#include "os/lock_file.h"
#include "os/proc_files.h"

namespace forager::supervisor {
namespace {

constexpr std::chrono::milliseconds kLookAgain{10};
constexpr std::chrono::milliseconds kLongest{60'000};

}  // namespace

std::string LeftoverMarker(const std::string& data_dir) { return "FORAGER_KEEPER=" + data_dir; }

Result<void> ClearLeftovers(const std::string& data_dir, std::chrono::milliseconds limit) {
  auto lock = os::OpenLockFile(data_dir + "/attempts.lock");
  if (!lock) {
    return Fail(ErrorCode::kInternal, fmt::format("The attempts' lock cannot be opened: {}",
                                                  std::strerror(lock.error())));
  }
  // The end of the variable too, or a longer directory's processes would match.
  std::string marker = LeftoverMarker(data_dir) + '\0';
  os::Steady start = os::SystemClock().SteadyNow(), changed = start;
  std::vector<pid_t> before;
  while (true) {
    std::vector<pid_t> left = os::FindByEnvironment(marker);
    for (pid_t pid : left) os::KillStranger(pid, marker);
    if (left.empty() && !os::IsLockedAnywhere(*lock)) break;
    os::Steady now = os::SystemClock().SteadyNow();
    if (left != before) changed = now;  // a crowd takes its time to end
    before = left;
    if (now - changed > limit || now - start > kLongest) {
      std::string who = left.empty() ? "" : fmt::format(", process {} among them", left.front());
      return Fail(
          ErrorCode::kInternal,
          fmt::format(
              "Processes of an earlier server are still alive{}; none may be left when a new one "
              "starts. End them, then start again",
              who));
    }
    std::this_thread::sleep_for(kLookAgain);
  }
  return {};
}

}  // namespace forager::supervisor
