// Holds every attempt's process tree to its limits. For the keeper: a look at all processes is the
// work of a short-lived process, which also measures the trees that may be beyond a limit.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "job/type_catalog.h"
#include "os/clock.h"
#include "os/descriptor.h"
#include "os/event_loop.h"
#include "os/process_table.h"
#include "supervisor/keeper_protocol.h"
#include "supervisor/tree_measure.h"

namespace forager::supervisor {

class TreeWatch {
 public:
  // Told once per tree.
  using Exceeded = std::function<void(std::uint64_t id, Limit limit)>;

  TreeWatch(os::EventLoop& loop, Exceeded exceeded)
      : loop_(loop), exceeded_(std::move(exceeded)) {}

  // `scratch_root`: where the scratch directories lie.
  void Open(const std::string& scratch_root);
  // `first`: the first process of the tree, which is not one of its processes.
  void Add(std::uint64_t id, pid_t first, const TreeLimits& limits,
           std::vector<std::string> directories);
  void Remove(std::uint64_t id);

 private:
  struct Tree {
    pid_t first = -1;
    TreeLimits limits;
    std::vector<std::string> directories;  // whose size counts
    bool exceeded = false;
    // As of the last measurement; what the machine grew by since then may all be this tree's.
    std::int64_t unmapped_bytes = 0, scratch_bytes = 0;
    std::int64_t shared_then = 0, written_then = 0;
    os::Steady measured{};
    int unanswered = 0;
    // Of this look.
    int processes = 0, threads = 0;
    std::int64_t resident_bytes = 0;
  };

  void Tick();
  void ReadLoad();
  struct Verdict {
    std::vector<std::pair<std::uint64_t, Limit>> exceeded;
    std::vector<TreeWork> work;  // to be measured
  };
  void BeginLook();
  Verdict Look();
  Verdict Judge();
  void CountTrees(const std::vector<os::ProcessRow>& rows);
  bool MayExceedMemory(const Tree& tree, const std::vector<pid_t>& pids) const;
  bool MayExceedScratch(const Tree& tree, os::Steady now) const;
  void Take(const LookWord& word);
  void TakeMeasure(const TreeMeasure& measure);
  void EndProcess();
  void JudgeUnmeasured(const std::vector<TreeWork>& work);
  void EndLook();
  void Tell(std::uint64_t id, Limit limit);

  os::EventLoop& loop_;
  Exceeded exceeded_;
  std::string scratch_root_;
  dev_t disk_ = 0;
  std::unordered_map<std::uint64_t, Tree> trees_;
  os::EventLoop::Token tick_;

  // What the machine's figures rose by, all rises added up.
  os::MachineLoad load_, load_of_look_;
  std::int64_t disk_free_ = 0, entries_free_ = 0;
  std::int64_t shared_rises_ = 0, written_ = 0;

  bool looking_ = false;
  os::Steady look_began_{}, next_look_{}, next_quick_look_{};
  std::unordered_map<std::uint64_t, std::vector<pid_t>> members_;

  LookingProcess process_{loop_};
  std::vector<std::uint64_t> asked_;  // not answered yet, in their order
  std::int64_t shared_asked_ = 0, written_asked_ = 0;
};

}  // namespace forager::supervisor
