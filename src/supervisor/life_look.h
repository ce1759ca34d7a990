// Looks at what the processes of silent attempts do: the processor time they use, the bytes they
// read and write, and those their TCP connections move. Read beside the event loop, many attempts
// together, with pauses in between. A tree that has not run since the last look costs a system call
// for each process.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "job/time.h"
#include "os/closed_tcp.h"
#include "os/event_loop.h"
#include "supervisor/life_reader.h"
#include "supervisor/life_signs.h"

namespace forager::supervisor {

// What happened between the two. Notes in `now` what is owed.
LifeSigns Compare(const TreeLife& before, TreeLife& now);

class LifeLook {
 public:
  // The attempts, by number; all called from within the loop.
  struct Attempts {
    virtual ~Attempts() = default;
    // None when it is no longer of interest; 0 while it has no process.
    virtual std::optional<pid_t> CollectorOf(std::uint64_t id) = 0;
    // Reads its pipes, and says how much came out of them in all.
    virtual std::int64_t OutputOf(std::uint64_t id) = 0;
    virtual void Saw(std::uint64_t id, const LifeSigns& signs) = 0;
  };

  LifeLook(os::EventLoop& loop, Attempts& attempts);

  // Ends in one call of Saw, unless the attempt is gone by then.
  void Ask(std::uint64_t id);
  void Forget(std::uint64_t id);

 private:
  void Begin();
  void Judge(std::vector<TreeRead> trees);
  LifeSigns Compared(TreeRead read);
  void GoOnWithout(std::uint64_t stuck);
  void GoOn(Millis pause);
  void Rest();

  os::EventLoop& loop_;
  Attempts& attempts_;
  std::unordered_map<std::uint64_t, TreeLife> trees_;  // as they were at the last look
  std::deque<std::uint64_t> asked_;
  std::vector<std::uint64_t> reading_;
  os::Steady began_{};
  std::unique_ptr<os::ClosedTcp> closed_;
  os::Steady last_closed_{};
  LifeReader reader_;
  os::EventLoop::Token next_;
};

}  // namespace forager::supervisor
