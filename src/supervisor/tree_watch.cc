#include "supervisor/tree_watch.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "os/tree_holdings.h"

namespace forager::supervisor {
namespace {

using std::chrono::milliseconds;

// How often the machine's own figures are read: three small files.
constexpr milliseconds kTick{100};
// Between two looks at all processes, and never less than so many times what a look took.
constexpr milliseconds kLook{500};
constexpr milliseconds kLongestRest{5'000};
constexpr int kRest = 20;
// So much more memory or so many more tasks since the last look: the next one is now.
constexpr std::int64_t kRise = 64LL << 20;
constexpr std::int64_t kMoreTasks = 64;
constexpr int kShortRest = 4;

constexpr std::size_t kMaxMeasured = 64;   // in one look
// However little the disk is written: what is moved around between two ticks shows by then.
constexpr std::chrono::seconds kScratchAge{10};
constexpr int kMaxUnanswered = 3;

os::Steady Now() { return os::SystemClock().SteadyNow(); }

}  // namespace

void TreeWatch::Open(const std::string& scratch_root) {
  scratch_root_ = scratch_root;
  struct stat about {};
  if (stat(scratch_root.c_str(), &about) == 0) disk_ = about.st_dev;
  load_ = load_of_look_ = os::ReadMachineLoad();
}

void TreeWatch::Add(std::uint64_t id, pid_t first, const TreeLimits& limits,
                    std::vector<std::string> directories) {
  if (!tick_) {
    ReadLoad();
    load_of_look_ = load_;
    tick_ = loop_.Every(kTick, [this] { Tick(); });
  }
  Tree& tree = trees_[id];
  tree.first = first;
  tree.limits = limits;
  tree.directories = std::move(directories);
  tree.shared_then = shared_rises_;
  tree.written_then = written_;
  tree.measured = Now();
}

void TreeWatch::Remove(std::uint64_t id) {
  trees_.erase(id);
  if (trees_.empty()) tick_.reset();
}

// Rises are added up and falls left out: so growth here is not hidden by somebody's end elsewhere,
// but for what comes and goes between two ticks.
void TreeWatch::ReadLoad() {
  os::MachineLoad now = os::ReadMachineLoad();
  shared_rises_ += std::max<std::int64_t>(0, now.shared_bytes - load_.shared_bytes);
  load_ = now;
  struct statvfs disk {};
  if (statvfs(scratch_root_.c_str(), &disk) != 0) return;
  std::int64_t free = static_cast<std::int64_t>(disk.f_bfree) *
                      static_cast<std::int64_t>(disk.f_frsize);
  auto entries = static_cast<std::int64_t>(disk.f_ffree);
  if (disk_free_ > 0) {
    written_ += std::max<std::int64_t>(0, disk_free_ - free);
    written_ += std::max<std::int64_t>(0, entries_free_ - entries) * os::kLeastOfAnEntry;
  }
  disk_free_ = free;
  entries_free_ = entries;
}

void TreeWatch::Tick() {
  ReadLoad();
  if (looking_) return;
  bool grew = load_of_look_.available_bytes - load_.available_bytes >= kRise ||
              load_.shared_bytes - load_of_look_.shared_bytes >= kRise ||
              load_.tasks - load_of_look_.tasks >= kMoreTasks;
  if (Now() >= (grew ? next_quick_look_ : next_look_)) BeginLook();
}

void TreeWatch::BeginLook() {
  looking_ = true;
  look_began_ = Now();
  load_of_look_ = load_;
  asked_.clear();
  shared_asked_ = shared_rises_;
  written_asked_ = written_;
  bool started = process_.Start(
      [this](const LookingProcess::Tell& tell) {
        Verdict verdict = Look();
        for (auto [id, limit] : verdict.exceeded) tell({LookWord::Kind::kExceeded, limit, {id}});
        for (const TreeWork& one : verdict.work) tell({LookWord::Kind::kAsked, {}, {one.id}});
        MeasureTrees(verdict.work, disk_, tell);
      },
      [this](const LookWord& word) { Take(word); }, [this] { EndProcess(); });
  if (started) return;
  // No process to look with, which may be a tree's doing: it is looked for all the same.
  Verdict verdict = Look();
  for (auto [id, limit] : verdict.exceeded) Tell(id, limit);
  JudgeUnmeasured(verdict.work);
  EndLook();
}

TreeWatch::Verdict TreeWatch::Look() {
  os::ProcessTable table;
  std::vector<os::ProcessRow> rows;
  for (pid_t pid : table.Pids()) {
    if (auto row = table.Row(pid)) rows.push_back(*row);
  }
  CountTrees(rows);
  return Judge();
}

// Adds every process to the tree it belongs to.
void TreeWatch::CountTrees(const std::vector<os::ProcessRow>& rows) {
  std::unordered_map<pid_t, const os::ProcessRow*> by_pid;
  by_pid.reserve(rows.size());
  for (const os::ProcessRow& row : rows) by_pid.emplace(row.pid, &row);
  std::unordered_map<pid_t, std::uint64_t> owners;  // 0: none of ours
  for (auto& [id, tree] : trees_) {
    tree.processes = tree.threads = 0;
    tree.resident_bytes = 0;
    owners.emplace(tree.first, id);
  }
  members_.clear();
  std::vector<pid_t> way;
  for (const os::ProcessRow& row : rows) {
    if (auto known = owners.find(row.pid); known != owners.end()) continue;
    std::uint64_t owner = 0;
    way.clear();
    for (pid_t pid = row.pid; way.size() <= rows.size();) {
      if (auto known = owners.find(pid); known != owners.end()) {
        owner = known->second;
        break;
      }
      way.push_back(pid);
      auto found = by_pid.find(pid);
      if (found == by_pid.end()) break;
      pid = found->second->parent;
    }
    for (pid_t pid : way) owners.emplace(pid, owner);
  }
  for (const os::ProcessRow& row : rows) {
    auto owner = owners.find(row.pid);
    auto found = trees_.find(owner->second);
    if (found == trees_.end() || found->second.first == row.pid) continue;
    ++found->second.processes;
    found->second.threads += row.threads;
    found->second.resident_bytes += row.resident_bytes;
    members_[found->first].push_back(row.pid);
  }
}

void TreeWatch::Tell(std::uint64_t id, Limit limit) {
  auto found = trees_.find(id);
  if (found == trees_.end() || std::exchange(found->second.exceeded, true)) return;
  exceeded_(id, limit);
}

bool TreeWatch::MayExceedMemory(const Tree& tree, const std::vector<pid_t>& pids) const {
  std::int64_t beside = tree.unmapped_bytes + shared_rises_ - tree.shared_then;
  if (tree.resident_bytes + beside <= tree.limits.memory_bytes) return false;
  std::int64_t held = beside;
  for (pid_t pid : pids) held += os::HeldMemory(pid);
  return held > tree.limits.memory_bytes;
}

bool TreeWatch::MayExceedScratch(const Tree& tree, os::Steady now) const {
  return tree.scratch_bytes + written_ - tree.written_then > tree.limits.scratch_bytes ||
         now - tree.measured >= kScratchAge;
}

TreeWatch::Verdict TreeWatch::Judge() {
  Verdict verdict;
  os::Steady now = Now();
  struct Suspect {
    bool memory;
    int unanswered;
    os::Steady measured;
    std::uint64_t id;
  };
  std::vector<Suspect> suspects;
  for (auto& [id, tree] : trees_) {
    if (tree.exceeded) continue;
    if (tree.processes > tree.limits.max_processes) {
      verdict.exceeded.emplace_back(id, Limit::kProcesses);
    } else if (tree.threads > tree.limits.max_processes * kThreadsPerProcess) {
      verdict.exceeded.emplace_back(id, Limit::kThreads);
    } else if (bool memory = MayExceedMemory(tree, members_[id]);
               memory || MayExceedScratch(tree, now)) {
      // What cannot be measured is judged by what it shows.
      if (memory && tree.unanswered >= kMaxUnanswered)
        verdict.exceeded.emplace_back(id, Limit::kMemory);
      else
        suspects.push_back({memory, tree.unanswered, tree.measured, id});
    }
  }
  std::ranges::sort(suspects, [](const Suspect& a, const Suspect& b) {
    if (a.unanswered != b.unanswered) return a.unanswered < b.unanswered;
    if (a.memory != b.memory) return a.memory;
    return a.measured < b.measured;
  });
  if (suspects.size() > kMaxMeasured) suspects.resize(kMaxMeasured);
  for (const Suspect& suspect : suspects) {
    const Tree& tree = trees_.at(suspect.id);
    verdict.work.push_back({suspect.id, std::move(members_[suspect.id]), tree.directories,
                            tree.limits.scratch_bytes});
  }
  return verdict;
}

// No process to measure with: what one process holds alone is beyond doubt.
void TreeWatch::JudgeUnmeasured(const std::vector<TreeWork>& work) {
  for (const TreeWork& one : work) {
    std::int64_t limit = trees_.at(one.id).limits.memory_bytes;
    bool beyond =
        std::ranges::any_of(one.pids, [&](pid_t pid) { return os::HeldMemory(pid) > limit; });
    if (beyond) Tell(one.id, Limit::kMemory);
  }
}

void TreeWatch::Take(const LookWord& word) {
  switch (word.kind) {
    case LookWord::Kind::kExceeded:
      return Tell(word.measure.id, word.limit);
    case LookWord::Kind::kAsked:
      return asked_.push_back(word.measure.id);
    case LookWord::Kind::kMeasured:
      return TakeMeasure(word.measure);
  }
}

void TreeWatch::TakeMeasure(const TreeMeasure& measure) {
  std::erase(asked_, measure.id);
  auto found = trees_.find(measure.id);
  if (found == trees_.end()) return;
  Tree& tree = found->second;
  tree.unanswered = 0;
  tree.measured = Now();
  tree.unmapped_bytes = measure.unmapped_bytes;
  tree.shared_then = shared_asked_;
  tree.scratch_bytes = measure.scratch_bytes;
  tree.written_then = written_asked_;
  if (measure.memory_bytes > tree.limits.memory_bytes)
    Tell(measure.id, Limit::kMemory);
  else if (measure.scratch_bytes > tree.limits.scratch_bytes)
    Tell(measure.id, Limit::kScratch);
}

// The first that was not answered is the one it did not come through.
void TreeWatch::EndProcess() {
  if (!asked_.empty()) {
    auto found = trees_.find(asked_.front());
    if (found != trees_.end()) ++found->second.unanswered;
  }
  EndLook();
}

void TreeWatch::EndLook() {
  looking_ = false;
  os::Steady now = Now();
  auto took = std::chrono::duration_cast<milliseconds>(now - look_began_);
  next_look_ = now + std::clamp(took * kRest, kLook, kLongestRest);
  next_quick_look_ = now + std::min(took * kShortRest, kLongestRest);
}

}  // namespace forager::supervisor
