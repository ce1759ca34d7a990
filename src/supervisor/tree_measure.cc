#include "supervisor/tree_measure.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "os/child_process.h"
#include "os/signals.h"
#include "os/tree_holdings.h"

namespace forager::supervisor {
namespace {

constexpr unsigned kLimitSeconds = 10;  // of its own life
constexpr std::chrono::seconds kPatience{12};

[[noreturn]] void MeasureAll(const std::vector<TreeWork>& work, dev_t disk, int pipe) {
  os::SetParentDeathSignal(SIGKILL);
  os::ResetSignals();
  alarm(kLimitSeconds);
  if (pipe > 3) close_range(3, static_cast<unsigned>(pipe) - 1, 0);
  close_range(static_cast<unsigned>(pipe) + 1, ~0u, 0);
  for (const TreeWork& one : work) {
    os::TreeHoldings holdings = os::MeasureTree(one.pids, disk);
    TreeMeasure measure{one.id, holdings.memory_bytes, holdings.unmapped_bytes,
                        holdings.deleted_bytes};
    for (const std::string& directory : one.directories)
      measure.scratch_bytes += os::SizeOnDisk(directory, one.scratch_limit);
    if (write(pipe, &measure, sizeof measure) != sizeof measure) break;
  }
  _exit(0);
}

}  // namespace

bool MeasuringProcess::Start(const std::vector<TreeWork>& work, dev_t disk,
                             std::function<void(const TreeMeasure&)> taken,
                             std::function<void()> ended) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  os::Descriptor read_end(ends[0]), write_end(ends[1]);
  if (fcntl(read_end.get(), F_SETFL, O_NONBLOCK) != 0) return false;
  auto child = os::Fork();
  if (!child) return false;
  if (*child == 0) MeasureAll(work, disk, write_end.get());
  pipe_ = std::move(read_end);
  taken_ = std::move(taken);
  ended_ = std::move(ended);
  readable_ = loop_.WatchReadable(pipe_.get(), [this] { Read(); });
  late_ = loop_.After(kPatience, [this] { End(); });
  return true;
}

void MeasuringProcess::Read() {
  TreeMeasure measure;  // written whole: smaller than what a pipe takes at once
  ssize_t got = read(pipe_.get(), &measure, sizeof measure);
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (got == sizeof measure) return taken_(measure);
  End();
}

void MeasuringProcess::End() {
  readable_.reset();
  late_.reset();
  pipe_.Close();
  std::exchange(ended_, nullptr)();
}

}  // namespace forager::supervisor
