// Looks at what the processes of silent attempts do: the processor time they use, the bytes they
// read and write, and those their TCP connections move. On the event loop, in short slices with
// pauses between them, however many ask; one dump of the connections serves all that were looked at
// together. A tree that has not run since the last look costs a system call for each process.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "os/closed_tcp.h"
#include "os/event_loop.h"
#include "os/process_life.h"
#include "os/tcp_bytes.h"
#include "supervisor/life_signs.h"

namespace forager::supervisor {

// A tree as one look found it.
struct TreeLife {
  os::Steady at{};
  std::vector<os::ProcessLife> processes;
  bool settled = false;  // nothing was started while it was looked at: these are all
  std::unordered_map<std::uint64_t, os::TcpBytes> connections;
  std::int64_t output = 0;  // what it has written to the server's pipes: no sign of its own
  std::int64_t owed = 0;    // output that was heard of before its writing
};

// What happened between the two. `closed`: a connection of somebody's that had moved bytes ended.
// Notes in `now` what is owed.
LifeSigns Compare(const TreeLife& before, TreeLife& now, bool closed);

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

  LifeLook(os::EventLoop& loop, const os::Clock& clock, Attempts& attempts);

  // Ends in one call of Saw, unless the attempt is gone by then.
  void Ask(std::uint64_t id);
  void Forget(std::uint64_t id);

 private:
  struct Found {
    std::uint64_t id = 0;
    TreeLife tree;
  };

  void Round();
  bool HasWork() const { return !asked_.empty() || !found_.empty() || !seen_.empty(); }
  void LookAt(std::uint64_t id);
  void BeginDump();
  void Judge();
  void NoteClosed();

  os::EventLoop& loop_;
  const os::Clock& clock_;
  Attempts& attempts_;
  std::unordered_map<std::uint64_t, TreeLife> trees_;  // as they were at the last look
  std::deque<std::uint64_t> asked_;
  std::vector<Found> found_;  // wait for the connections
  std::deque<std::pair<std::uint64_t, LifeSigns>> seen_;
  std::optional<os::TcpDump> dump_;
  std::unique_ptr<os::ClosedTcp> closed_;
  os::Steady last_closed_{};
  os::EventLoop::Token round_;
};

}  // namespace forager::supervisor
