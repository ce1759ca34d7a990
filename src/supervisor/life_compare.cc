// What a tree did between two looks, out of what the kernel counted at each.
#include <algorithm>
#include <map>

#include "supervisor/life_look.h"

namespace forager::supervisor {
namespace {

using os::ProcessLife;
using os::TcpBytes;

// An idle event loop wakes itself by words of so many bytes.
constexpr std::int64_t kWakeUp = 8;
// What starting `sleep` and `grep` reads in a second, with their libraries, and the page faults of
// such programs that have ended; a loop that only waits does no more, one that starts curl does.
constexpr std::int64_t kStartReads = 32 * 1024, kStartFaults = 300;
// And so much is written by a word that `$(date)` hands to its shell.
constexpr std::int64_t kStartWrites = 32;
// A line on its way to us may go through so many pipes of the tree: `program | grep | tee`.
constexpr std::int64_t kWays = 3;
constexpr std::int64_t kPipe = 64 * 1024;
// A connection on which both sides say so little, so seldom, is being kept alive.
constexpr std::int64_t kKeepAlive = 64, kKeepAliveParts = 2;
// The least that fetching a page each second takes; more of one that wrote a line meanwhile.
constexpr std::int64_t kFetch = 500'000, kFetchAndWrite = 1'500'000;
constexpr std::int64_t kTick = 10'000'000;

struct Growth {
  std::int64_t cpu = 0, read = 0, written = 0, reads = 0, writes = 0, child_faults = 0;
  bool started = false;  // or ended: processes came and went

  void Add(const ProcessLife& now, const ProcessLife& before) {
    cpu += now.cpu - before.cpu + now.child_cpu - before.child_cpu;
    read += now.read - before.read;
    written += now.written - before.written;
    reads += now.reads - before.reads;
    writes += now.writes - before.writes;
    child_faults += now.child_faults - before.child_faults;
    started |= now.child_faults != before.child_faults;
  }
};

const ProcessLife* Find(const std::map<pid_t, const ProcessLife*>& all, const ProcessLife& who) {
  auto found = all.find(who.pid);
  return found != all.end() && found->second->born == who.born ? found->second : nullptr;
}

std::map<pid_t, const ProcessLife*> ByPid(const TreeLife& tree) {
  std::map<pid_t, const ProcessLife*> all;
  for (const ProcessLife& process : tree.processes) all[process.pid] = &process;
  return all;
}

// What a process counted goes to the parent that waits for its end, and would be seen there as new.
// If the parent's figures grew by less, nobody waited, and nothing is taken off.
void TakeOffEnded(const ProcessLife& ended, const std::map<pid_t, const ProcessLife*>& before,
                  const std::map<pid_t, const ProcessLife*>& now, Growth& growth) {
  growth.started = true;
  growth.child_faults -= ended.child_faults;
  pid_t heir = ended.parent;
  const ProcessLife *was = nullptr, *is = nullptr;
  for (std::size_t i = 0; i <= before.size() && !is; ++i) {
    auto parent = before.find(heir);
    if (parent == before.end()) return;
    was = parent->second;
    is = Find(now, *was);
    heir = was->parent;
  }
  if (!is) return;
  Growth grown;
  grown.Add(*is, *was);
  if (grown.read >= ended.read && grown.written >= ended.written && grown.reads >= ended.reads) {
    growth.read -= ended.read;
    growth.written -= ended.written;
    growth.reads -= ended.reads;
    growth.writes -= ended.writes;
  }
  std::int64_t cpu = ended.cpu + ended.child_cpu;
  if (is->child_cpu - was->child_cpu + kTick >= cpu)
    growth.cpu -= std::min(growth.cpu, cpu + kTick);
}

Growth GrowthOf(const TreeLife& before, const TreeLife& now) {
  auto were = ByPid(before), are = ByPid(now);
  Growth growth;
  for (const ProcessLife& process : now.processes) {
    const ProcessLife* was = Find(were, process);
    growth.Add(process, was ? *was : ProcessLife{});
    growth.started |= !was;
  }
  for (const ProcessLife& process : before.processes) {
    if (!Find(are, process)) TakeOffEnded(process, were, are, growth);
  }
  return growth;
}

std::int64_t Seconds(const TreeLife& before, const TreeLife& now) {
  return std::max<std::int64_t>(
      1, std::chrono::floor<std::chrono::seconds>(now.at - before.at).count());
}

std::int64_t TcpGrowth(const TreeLife& before, const TreeLife& now) {
  std::int64_t moved = 0;
  std::int64_t seconds = Seconds(before, now);
  for (const auto& [inode, bytes] : now.connections) {
    auto found = before.connections.find(inode);
    TcpBytes was = found == before.connections.end() ? TcpBytes{} : found->second;
    std::int64_t in = bytes.received - was.received, out = bytes.sent - was.sent;
    std::int64_t parts_in = bytes.parts_received - was.parts_received;
    std::int64_t parts_out = bytes.parts_sent - was.parts_sent;
    bool kept_alive = in > 0 && out > 0 && in <= kKeepAlive * parts_in &&
                      out <= kKeepAlive * parts_out && parts_in <= kKeepAliveParts * seconds &&
                      parts_out <= kKeepAliveParts * seconds;
    if (!kept_alive) moved += std::max<std::int64_t>(in, 0) + std::max<std::int64_t>(out, 0);
  }
  return moved;
}

}  // namespace

LifeSigns Compare(const TreeLife& before, TreeLife& now) {
  Growth growth = GrowthOf(before, now);
  LifeSigns signs{before.at, now.at};
  signs.cpu = std::chrono::nanoseconds(std::max<std::int64_t>(growth.cpu, 0));
  std::int64_t output = now.output - before.output;
  std::int64_t written = growth.written - output + before.owed;
  now.owed = std::clamp<std::int64_t>(written, -kPipe, 0);
  written = std::max<std::int64_t>(written - kWays * output - kWakeUp * growth.writes, 0);
  std::int64_t read = std::max<std::int64_t>(growth.read - kWakeUp * growth.reads, 0);
  std::int64_t seconds = Seconds(before, now);
  if (growth.started && read < kStartReads * seconds) read = 0;
  if (growth.started && written < kStartWrites * seconds) written = 0;
  signs.bytes = read + written + TcpGrowth(before, now);
  // A page can be fetched between two looks, on a connection that nobody saw: then it ran for a
  // moment, and rests, and the kernel told of a connection's end.
  bool runs = std::ranges::any_of(now.processes, &ProcessLife::runs);
  bool hidden =
      !now.processes.empty() && std::ranges::none_of(now.processes, &ProcessLife::readable);
  std::int64_t least = (output > 0 ? kFetchAndWrite : kFetch) * seconds;
  // With every program that is started, so little work adds up by itself.
  auto window = std::chrono::nanoseconds(now.at - before.at).count();
  bool fetched = now.closed && !growth.started;
  signs.worked = (fetched || hidden) && !runs && growth.cpu >= least && growth.cpu < window / 2;
  now.closed &= runs;  // it will be seen to rest later
  // Neither the bytes nor the time of a program that came and went between two looks are exact.
  signs.worked |= growth.child_faults >= kStartFaults * seconds;
  return signs;
}

}  // namespace forager::supervisor
