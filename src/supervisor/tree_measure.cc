#include "supervisor/tree_measure.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "os/child_process.h"
#include "os/sandbox.h"
#include "os/signals.h"
#include "os/tree_holdings.h"

namespace forager::supervisor {
namespace {

constexpr unsigned kLimitSeconds = 10;  // of its own life
constexpr std::chrono::seconds kPatience{12};

[[noreturn]] void Run(const std::function<void(const LookingProcess::Tell&)>& look, int pipe) {
  os::SetParentDeathSignal(SIGKILL);
  os::SetProcessName("forager-look");
  os::ResetSignals();
  alarm(kLimitSeconds);
  if (pipe > 3) close_range(3, static_cast<unsigned>(pipe) - 1, 0);
  close_range(static_cast<unsigned>(pipe) + 1, ~0u, 0);
  look([pipe](const LookWord& word) {
    if (write(pipe, &word, sizeof word) != sizeof word) _exit(1);
  });
  _exit(0);
}

}  // namespace

void MeasureTrees(const std::vector<TreeWork>& work, dev_t disk,
                  const LookingProcess::Tell& tell) {
  for (const TreeWork& one : work) {
    os::TreeHoldings holdings = os::MeasureTree(one.pids, disk);
    TreeMeasure measure{one.id, holdings.memory_bytes, holdings.unmapped_bytes,
                        holdings.deleted_bytes};
    for (const std::string& directory : one.directories)
      measure.scratch_bytes += os::SizeOnDisk(directory, one.scratch_limit);
    tell({LookWord::Kind::kMeasured, {}, measure});
  }
}

bool LookingProcess::Start(const std::function<void(const Tell&)>& look, Tell taken,
                           std::function<void()> ended) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  os::Descriptor read_end(ends[0]), write_end(ends[1]);
  if (fcntl(read_end.get(), F_SETFL, O_NONBLOCK) != 0) return false;
  auto child = os::ForkInto(os::Isolation::kNone);
  if (!child) return false;
  if (child->pid == 0) Run(look, write_end.get());
  process_ = std::move(child->pidfd);
  pipe_ = std::move(read_end);
  taken_ = std::move(taken);
  ended_ = std::move(ended);
  readable_ = loop_.WatchReadable(pipe_.get(), [this] { Read(); });
  late_ = loop_.After(kPatience, [this] { End(); });
  return true;
}

void LookingProcess::Read() {
  LookWord word;  // written whole: smaller than what a pipe takes at once
  ssize_t got = read(pipe_.get(), &word, sizeof word);
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (got == sizeof word) return taken_(word);
  End();
}

void LookingProcess::End() {
  readable_.reset();
  late_.reset();
  pipe_.Close();
  os::SendSignal(process_, SIGKILL);  // somebody may have stopped it
  process_.Close();
  std::exchange(ended_, nullptr)();
}

}  // namespace forager::supervisor
