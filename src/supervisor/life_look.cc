#include "supervisor/life_look.h"

#include <algorithm>
#include <utility>

#include "job/time.h"
#include "os/proc_files.h"

namespace forager::supervisor {
namespace {

using std::chrono::microseconds;

// The loop is held up for no longer, and left alone for so long in between.
constexpr microseconds kSlice{5'000};
constexpr Millis kPause{15};
constexpr std::size_t kTogether = 1'024;

bool HasNotRun(const TreeLife& tree) {
  return tree.settled && !tree.processes.empty() &&
         std::ranges::all_of(tree.processes, [](const os::ProcessLife& process) {
           return os::CpuTime(process.pid) == process.cpu;
         });
}

}  // namespace

LifeLook::LifeLook(os::EventLoop& loop, const os::Clock& clock, Attempts& attempts)
    : loop_(loop), clock_(clock), attempts_(attempts) {}

void LifeLook::Ask(std::uint64_t id) {
  asked_.push_back(id);
  if (!closed_) closed_ = std::make_unique<os::ClosedTcp>();
  if (!round_) round_ = loop_.After(Millis{0}, [this] { Round(); });
}

void LifeLook::Forget(std::uint64_t id) {
  trees_.erase(id);
  if (trees_.empty() && !HasWork()) closed_.reset();
}

void LifeLook::Round() {
  auto end = os::BootTime() + kSlice;
  auto left = [end] { return std::chrono::duration_cast<microseconds>(end - os::BootTime()); };
  while (left().count() > 0 && HasWork()) {
    if (!seen_.empty()) {
      auto [id, signs] = seen_.front();
      seen_.pop_front();
      attempts_.Saw(id, signs);
    } else if (dump_) {
      if (dump_->Continue(left())) Judge();
    } else if (!asked_.empty() && found_.size() < kTogether) {
      std::uint64_t id = asked_.front();
      asked_.pop_front();
      LookAt(id);
    } else {
      BeginDump();
    }
  }
  round_ = HasWork() ? loop_.After(kPause, [this] { Round(); }) : nullptr;
}

void LifeLook::LookAt(std::uint64_t id) {
  auto collector = attempts_.CollectorOf(id);
  if (!collector) return;
  os::Steady now = clock_.SteadyNow();
  auto known = trees_.find(id);
  if (known != trees_.end() && HasNotRun(known->second)) {
    seen_.emplace_back(id, LifeSigns{std::exchange(known->second.at, now), now});
    return;
  }
  Found found{id, {}};
  found.tree.at = now;
  if (auto first = os::ReadProcessLife(*collector)) {
    // Everything the collector started is below its parent, the first process of the tree.
    pid_t root = first->parent;
    if (auto life = os::ReadProcessLife(root)) {
      life->readable = false;  // it is ours: nothing is learnt from its being readable
      found.tree.processes.push_back(std::move(*life));
    }
    std::vector<pid_t> below = os::Descendants(root);
    for (pid_t pid : below) {
      if (auto life = os::ReadProcessLife(pid)) found.tree.processes.push_back(std::move(*life));
    }
    // One that was started since is not missed: its parent has run, or this list is another.
    found.tree.settled = os::Descendants(root) == below;
  }
  // After its writing was counted: what is written in between is owed, not gained.
  found.tree.output = attempts_.OutputOf(id);
  found_.push_back(std::move(found));
}

void LifeLook::BeginDump() {
  std::unordered_map<std::uint64_t, os::TcpBytes> wanted;
  for (const Found& found : found_) {
    for (const os::ProcessLife& process : found.tree.processes) {
      for (std::uint64_t inode : process.sockets) wanted.try_emplace(inode);
    }
  }
  dump_.emplace(std::move(wanted));
}

void LifeLook::NoteClosed() {
  if (closed_->Take()) last_closed_ = clock_.SteadyNow();
}

void LifeLook::Judge() {
  NoteClosed();
  for (Found& found : found_) {
    if (!attempts_.CollectorOf(found.id)) continue;
    TreeLife& tree = found.tree;
    for (os::ProcessLife& process : tree.processes) {
      if (!dump_->complete()) process.readable = false;
      for (std::uint64_t inode : std::exchange(process.sockets, {})) {
        if (const os::TcpBytes* bytes = dump_->Find(inode)) tree.connections[inode] = *bytes;
      }
    }
    auto known = trees_.find(found.id);
    LifeSigns signs{tree.at, tree.at};
    if (known != trees_.end())
      signs = Compare(known->second, tree, last_closed_ > known->second.at);
    seen_.emplace_back(found.id, signs);
    trees_[found.id] = std::move(tree);
  }
  found_.clear();
  dump_.reset();
}

}  // namespace forager::supervisor
