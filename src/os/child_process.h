// Processes as values: starting, signalling and reaping them by pidfd. The only place of the
// program that forks. The children are passive; whoever owns the loop waits for them. Errors are
// errno values.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "os/descriptor.h"

namespace forager::os {

// Not a mistake but a want: EAGAIN, ENOMEM, EMFILE and the like. It passes.
bool IsShortage(int error);
// What the error says; of a want also which limit it is and how that is raised.
std::string ErrorWords(int error);

enum class Isolation {
  kPidNamespace,         // needs privileges
  kUserAndPidNamespace,  // for everybody, where the system allows it
  kNone,                 // neither: the first process is a subreaper instead of a pid 1
};

struct Child {
  pid_t pid = -1;  // 0: we are the child
  Descriptor pidfd;
};

// Like fork(), into namespaces of its own; the child begins with all signals blocked. For
// single-threaded callers only.
std::expected<Child, int> ForkInto(Isolation isolation);

// Where a process runs that shares its parent's memory. Outlives that process, in the parent.
class SharedStack {
 public:
  static constexpr std::size_t kSize = 64 * 1024;

  void* top() { return bytes_ + kSize; }
  // 1 until the parent may go on. The kernel clears it too, when the process ends.
  std::uint32_t held = 0;

 private:
  alignas(64) std::byte bytes_[kSize];
};
// A child in a PID namespace of its own that shares the caller's memory: nothing is copied. It runs
// `run` with all signals blocked while the caller stands still, until LetParentGoOn or its end;
// from there on it may use nothing but its stack and quiet calls. ENOSYS where that cannot be.
std::expected<Child, int> StartSharing(SharedStack& stack, int (*run)(void*), void* argument);
void LetParentGoOn(SharedStack& stack);

// fork(), for a child that stays in the caller's namespaces. Same bound.
std::expected<pid_t, int> Fork();
// The best isolation this process may use, found by trying.
Isolation ProbeIsolation();

struct Program {
  std::string path;
  std::vector<std::string> argv;
  std::vector<std::string> environment;
  int socket =
      -1;  // if any, becomes descriptor 3, the only one besides 0 and 1 (null) and 2 (ours)
};
// Executes it in a session of its own, as a child that is killed when this thread ends. A failed
// exec is an error of this call.
std::expected<Child, int> StartProgram(const Program& program);

// SIGKILL for a program of StartProgram and all that it started: what is below it, its process
// group, and what carries `entry` in its environment, wherever it went. False: something of it is
// still there after `limit`. The program itself is left to be reaped.
bool KillTree(const Child& child, std::string_view entry, std::chrono::milliseconds limit);

Descriptor OpenSelf();  // a pidfd of the calling process

// Signals by pidfd; false when the process is gone.
bool SendSignal(const Descriptor& pidfd, int signal);
// By pid: only for unreaped children of the caller.
bool SendSignal(pid_t child, int signal);
// SIGKILL for a process that is not ours, if its environment still has `entry` (its number may be
// another's by now).
void KillStranger(pid_t pid, std::string_view entry);
// The process behind the pidfd has ended (and all of its PID namespace, when it was pid 1).
bool HasEnded(const Descriptor& pidfd);
bool WaitEnded(const Descriptor& pidfd, std::chrono::milliseconds limit);

struct Reaped {
  pid_t pid = -1;
  int status = 0;  // as of waitpid
  std::int64_t cpu_user_ms = 0;
  std::int64_t cpu_system_ms = 0;
  std::int64_t max_rss_kb = 0;
};
// One ended child. `pid` -1: none has ended yet; an error: there are no children.
std::expected<Reaped, int> ReapAny(bool block);
// The ended child behind the pidfd.
std::optional<Reaped> Reap(const Descriptor& pidfd);

// Orphans of the caller's descendants become its children.
void BecomeSubreaper();
// This process gets `signal` when its parent ends.
void SetParentDeathSignal(int signal);

}  // namespace forager::os
