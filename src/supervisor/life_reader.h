// Reads what the kernel counts of the processes of attempts. Whoever reads of another process may
// have to wait for it, for seconds on a crowded machine: this is done by threads that nobody waits
// for.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "job/time.h"
#include "os/clock.h"
#include "os/event_loop.h"
#include "os/process_life.h"
#include "os/tcp_bytes.h"

namespace forager::supervisor {

// A tree as one look found it.
struct TreeLife {
  os::Steady at{};
  std::vector<os::ProcessLife> processes;
  bool settled = false;  // nothing was started while it was looked at: these are all
  std::unordered_map<std::uint64_t, os::TcpBytes> connections;
  std::int64_t output = 0;  // what it has written to the server's pipes: no sign of its own
  std::int64_t owed = 0;    // output that was heard of before its writing
  bool closed = false;      // a connection of somebody's that had moved bytes ended before
};

struct TreeToRead {
  std::uint64_t id = 0;
  pid_t collector = 0;
  // If these are all its processes, and have not run since, it is not read.
  std::vector<std::pair<pid_t, std::int64_t>> resting;
};
struct TreeRead {
  std::uint64_t id = 0;
  os::Steady at{};
  std::optional<TreeLife> tree;  // none: it has not run
};
// Of each tree, in their order. Blocks.
using Began = std::function<void(std::uint64_t id)>;
std::vector<TreeRead> ReadTrees(const std::vector<TreeToRead>& wanted, const Began& began);

class LifeReader {
 public:
  using ReadAll =
      std::function<std::vector<TreeRead>(const std::vector<TreeToRead>&, const Began&)>;
  using Done = std::function<void(std::vector<TreeRead>)>;
  // Of `stuck`: the reader did not come back from it in time and is left behind.
  using Late = std::function<void(std::uint64_t stuck)>;

  explicit LifeReader(os::EventLoop& loop, ReadAll read = ReadTrees,
                      Millis patience = Millis{12'000})
      : loop_(loop), read_(std::move(read)), patience_(patience) {}

  // Calls one of the two later, on the loop; one reading at a time. False: no thread can be had, or
  // too many were left behind.
  bool Read(std::vector<TreeToRead> wanted, Done done, Late late);

 private:
  struct Reading;

  void End();

  os::EventLoop& loop_;
  ReadAll read_;
  Millis patience_;
  std::shared_ptr<Reading> reading_;
  std::vector<std::weak_ptr<Reading>> left_behind_;
  os::EventLoop::Token ended_, late_;
  Done done_;
};

}  // namespace forager::supervisor
