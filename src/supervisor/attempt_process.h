// The first process of an attempt's tree and the collector under it, forked from the keeper. Called
// by the keeper only; on the child's side nothing returns.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "os/child_process.h"
#include "os/descriptor.h"
#include "os/mount_view.h"
#include "os/sandbox.h"
#include "supervisor/supervisor.h"

namespace forager::supervisor {

// What every attempt of this keeper shares, made once.
struct AttemptHouse {
  std::string data_dir;
  std::string marker;  // NAME=value in the environment of every process of this data directory
  std::optional<os::User> user;
  std::string user_name;
  os::Isolation isolation = os::Isolation::kNone;
  std::optional<os::SystemCallFilter> builtin_filter, command_filter;
  std::optional<os::FileAccess> builtin_files;
  std::optional<os::FileAccess> command_files;  // on top of the mounts; none: made anew for each
  bool mounts = false;                          // commands get a view of mounts of their own
  os::ProtectedFiles files;
  WorkerEntry worker;
  os::Descriptor keeper;  // the keeper's own pidfd: its children see whether it lives
  // Both numbers above 9, out of the way of what a collector gets.
  int report = -1;  // where first processes and collectors report to the keeper
  int lock = -1;    // the attempts' lock, held by every first process
};

// Makes what its isolation lets attempts be kept by.
void EquipHouse(AttemptHouse& house);

struct AttemptPlan {
  std::uint64_t id = 0;
  std::string job_id;
  int attempt = 0;
  std::string collector;
  std::vector<std::string> command;
  std::string directory;                 // where a command runs; "": in scratch
  std::vector<std::string> environment;  // of a command: NAME=VALUE
  std::string scratch;
  std::string state;  // of a command: what its job keeps between attempts
  TreeLimits limits;
  int input = -1, events = -1, errors = -1;
  int output = -1;  // standard output of a command, where that is apart from events
};

// What comes back on the report socket. The sender's pid comes with the message.
struct Report {
  enum class Kind : std::uint32_t {
    kRunning,     // from the collector, just before its own code
    kNotStarted,  // a step of the start failed: `step`, `error`
    kExecuted,    // from the first process: the command's exec went well
    kEnded,       // the collector ended with `status`; `empty`: and nothing is left
    kEmpty,       // later: nothing is left
  };
  enum class Step : std::uint32_t {
    kFork,
    kIdentity,
    kScratch,
    kLimits,
    kFiles,
    kSandbox,
    kDirectory,
    kExec
  };
  Kind kind = Kind::kRunning;
  Step step = Step::kFork;
  std::uint64_t id = 0;
  int error = 0;
  int status = 0;
  int survivors = 0;
  std::uint32_t empty = 0;
  std::int64_t max_rss_kb = 0;  // of all that ended below the first process
};

// Clones the tree's first process; the rest comes as reports. With `stack` it may share the
// keeper's memory, so that the image is copied once, for the collector; the stack is then in use
// until that process is reaped.
std::expected<os::Child, int> SpawnAttempt(const AttemptHouse& house, const AttemptPlan& plan,
                                           os::SharedStack& stack);

// Signals its first process understands besides SIGKILL.
extern const int kStopSignal;  // TERM and CONT to everything below
extern const int kKillSignal;  // KILL to everything below until it is empty

}  // namespace forager::supervisor
