#include "supervisor/supervisor.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <filesystem>

#include "os/log.h"
#include "os/sandbox.h"
#include "os/signals.h"
#include "supervisor/attempt_supervisor.h"
#include "supervisor/leftovers.h"

namespace forager::supervisor {
namespace {

constexpr Millis kLeftoverLimit{5000};

}  // namespace

Result<std::unique_ptr<Supervisor>> Supervisor::Make(os::EventLoop& loop, const os::Clock& clock,
                                                     SupervisorOptions options,
                                                     AttemptObserver& observer) {
  std::error_code error;
  auto canonical = std::filesystem::canonical(options.data_dir, error);
  if (error)
    return Fail(ErrorCode::kInvalid,
                fmt::format("The data directory cannot be used: {}", error.message()));
  options.data_dir = canonical.string();
  if (!os::IsRoot()) options.run_as.clear();
  if (!options.run_as.empty()) {
    if (!os::FindUser(options.run_as)) {
      return Fail(ErrorCode::kInvalid,
                  fmt::format("run_as: there is no user \"{}\"", options.run_as));
    }
    // That user must be able to reach its scratch directory, and nothing else in here.
    struct stat folder{};
    bool closed = stat(options.data_dir.c_str(), &folder) == 0 && (folder.st_mode & S_IXOTH) == 0;
    if (closed && chmod(options.data_dir.c_str(), (folder.st_mode & 07777) | 0011) == 0)
      os::LogWarning(
          fmt::format("The mode of the data directory {} is now {:o}, so that {} can "
                      "pass through to the scratch directories",
                      options.data_dir, (folder.st_mode & 07777) | 0011, options.run_as));
  }
  os::IgnoreWriteSignals();
  os::RaiseOpenFiles();
  if (auto cleared = ClearLeftovers(options.data_dir, kLeftoverLimit); !cleared) {
    return std::unexpected(cleared.error());
  }
  auto supervisor = std::make_unique<AttemptSupervisor>(loop, clock, std::move(options), observer);
  if (auto opened = supervisor->Open(); !opened) return std::unexpected(opened.error());
  return supervisor;
}

}  // namespace forager::supervisor
