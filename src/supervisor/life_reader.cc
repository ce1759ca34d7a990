#include "supervisor/life_reader.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <system_error>
#include <thread>

#include "os/descriptor.h"
#include "os/proc_files.h"

namespace forager::supervisor {
namespace {

constexpr std::size_t kMaxLeftBehind = 4;

bool HasNotRun(const TreeToRead& tree) {
  return !tree.resting.empty() && std::ranges::all_of(tree.resting, [](const auto& process) {
    return os::CpuTime(process.first) == process.second;
  });
}

TreeLife ReadTree(pid_t collector, os::Steady now) {
  TreeLife tree;
  tree.at = now;
  auto first = os::ReadProcessLife(collector);
  if (!first) return tree;
  // Everything the collector started is below its parent, the first process of the tree.
  pid_t root = first->parent;
  if (auto life = os::ReadProcessLife(root)) {
    life->readable = false;  // it is ours: nothing is learnt from its being readable
    tree.processes.push_back(std::move(*life));
  }
  std::vector<pid_t> below = os::Descendants(root);
  for (pid_t pid : below) {
    if (auto life = os::ReadProcessLife(pid)) tree.processes.push_back(std::move(*life));
  }
  // One that was started since is not missed: its parent has run, or this list is another.
  tree.settled = os::Descendants(root) == below;
  return tree;
}

// One dump of the machine's connections serves all trees.
void ReadConnections(std::vector<TreeRead>& trees) {
  std::unordered_map<std::uint64_t, os::TcpBytes> wanted;
  for (const TreeRead& read : trees) {
    if (!read.tree) continue;
    for (const os::ProcessLife& process : read.tree->processes) {
      for (std::uint64_t inode : process.sockets) wanted.try_emplace(inode);
    }
  }
  os::TcpDump dump = os::DumpTcp(std::move(wanted));
  for (TreeRead& read : trees) {
    if (!read.tree) continue;
    for (os::ProcessLife& process : read.tree->processes) {
      if (!dump.complete) process.readable = false;
      for (std::uint64_t inode : std::exchange(process.sockets, {})) {
        if (auto found = dump.connections.find(inode); found != dump.connections.end())
          read.tree->connections[inode] = found->second;
      }
    }
  }
}

}  // namespace

std::vector<TreeRead> ReadTrees(const std::vector<TreeToRead>& wanted, const Began& began) {
  std::vector<TreeRead> trees;
  for (const TreeToRead& one : wanted) {
    began(one.id);
    TreeRead& read = trees.emplace_back(TreeRead{one.id, os::SystemClock().SteadyNow(), {}});
    if (!HasNotRun(one)) read.tree = ReadTree(one.collector, read.at);
  }
  ReadConnections(trees);
  return trees;
}

// Shared by the thread and the loop: whoever is later finds it.
struct LifeReader::Reading {
  os::Descriptor ended{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  std::atomic<std::uint64_t> at{0};
  std::mutex mutex;
  std::vector<TreeRead> trees;
};

bool LifeReader::Read(std::vector<TreeToRead> wanted, Done done, Late late) {
  std::erase_if(left_behind_, [](const auto& reading) { return reading.expired(); });
  if (left_behind_.size() >= kMaxLeftBehind) return false;
  auto reading = std::make_shared<Reading>();
  if (!reading->ended) return false;
  try {
    std::thread([reading, read = read_, wanted = std::move(wanted)] {
      auto trees = read(wanted, [&](std::uint64_t id) { reading->at = id; });
      std::lock_guard lock(reading->mutex);
      reading->trees = std::move(trees);
      eventfd_write(reading->ended.get(), 1);
    }).detach();
  } catch (const std::system_error&) {
    return false;
  }
  reading_ = reading;
  done_ = std::move(done);
  ended_ = loop_.WatchReadable(reading->ended.get(), [this] { End(); });
  late_ = loop_.After(patience_, [this, late = std::move(late)] {
    ended_.reset();
    left_behind_.push_back(reading_);
    late(std::exchange(reading_, nullptr)->at);
  });
  return true;
}

void LifeReader::End() {
  ended_.reset();
  late_.reset();
  auto reading = std::exchange(reading_, nullptr);
  std::vector<TreeRead> trees;
  {
    std::lock_guard lock(reading->mutex);
    trees = std::move(reading->trees);
  }
  std::exchange(done_, nullptr)(std::move(trees));
}

}  // namespace forager::supervisor
