#include "os/child_process.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>

#include "os/orphans.h"
#include "os/proc_files.h"
#include "os/quiet_calls.h"
#include "os/signals.h"

namespace forager::os {
namespace {

std::int64_t Millis(const timeval& time) { return time.tv_sec * 1000LL + time.tv_usec / 1000; }

Reaped MakeReaped(pid_t pid, int status, const rusage& usage) {
  return {pid, status, Millis(usage.ru_utime), Millis(usage.ru_stime), usage.ru_maxrss};
}

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// Between fork and exec: nothing here allocates.
[[noreturn]] void ExecProgram(const char* path, char** argv, char** environment, int socket,
                              int error_pipe, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);  // it died before the line above
  ResetSignals();
  setsid();  // the terminal's signals are the server's alone
  int error = 0;
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0) error = errno;
  if (!error && socket == 3 && fcntl(3, F_SETFD, 0) != 0) error = errno;
  if (!error && socket >= 0 && socket != 3) {
    // The error pipe may be number 3: keep it out of the way.
    if (error_pipe == 3) error_pipe = fcntl(3, F_DUPFD_CLOEXEC, 4);
    if (error_pipe < 0 || dup2(socket, 3) < 0) error = errno;
  }
  const unsigned first_closed = socket < 0 ? 3 : 4;
  if (!error && close_range(first_closed, ~0u, CLOSE_RANGE_CLOEXEC) != 0) error = errno;
  if (!error) {
    execve(path, argv, environment);
    error = errno;
  }
  if (write(error_pipe, &error, sizeof error) < 0) _exit(126);
  _exit(127);
}

}  // namespace

bool IsShortage(int error) {
  return error == EAGAIN || error == ENOMEM || error == EMFILE || error == ENFILE ||
         error == ENOSPC || error == EDQUOT || error == ENOBUFS;
}

std::string ErrorWords(int error) {
  std::string words = std::strerror(error);
  switch (error) {
    case EMFILE:
      return words + " (raise LimitNOFILE= of the service, `ulimit -n`, or lower max_running)";
    case ENFILE:
      return words + " (raise `sysctl fs.file-max`, or lower max_running)";
    case EAGAIN:
      return words +
             " (no process is left: raise LimitNPROC= and TasksMax= of the service, `ulimit -u`, "
             "`sysctl kernel.pid_max`, or lower max_running)";
    case ENOMEM:
    case ENOBUFS:
      return words + " (no memory is left: add some, or lower max_running)";
    case ENOSPC:
    case EDQUOT:
      return words + " (free space in the data directory, or raise user.max_pid_namespaces)";
    default:
      return words;
  }
}

std::expected<Child, int> ForkInto(Isolation isolation) {
  int pidfd = -1;
  clone_args arguments{};
  arguments.flags = CLONE_PIDFD;
  if (isolation != Isolation::kNone) arguments.flags |= CLONE_NEWPID;
  if (isolation == Isolation::kUserAndPidNamespace) arguments.flags |= CLONE_NEWUSER;
  arguments.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
  arguments.exit_signal = SIGCHLD;
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
  int error = errno;
  if (pid != 0) pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return std::unexpected(error);
  return Child{static_cast<pid_t>(pid), Descriptor(pid == 0 ? -1 : pidfd)};
}

std::expected<Child, int> StartSharing(SharedStack& stack, int (*run)(void*), void* argument) {
  if (!quiet::kQuiet) return std::unexpected(ENOSYS);
  int pidfd = -1;
  sigset_t all, before;
  sigfillset(&all);
  stack.held = 1;
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int pid = clone(run, stack.top(),
                  CLONE_VM | CLONE_NEWPID | CLONE_PIDFD | CLONE_CHILD_CLEARTID | SIGCHLD, argument,
                  &pidfd, nullptr, &stack.held);
  int error = errno;
  if (pid > 0) quiet::WaitWhile(stack.held, 1);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return std::unexpected(error);
  return Child{pid, Descriptor(pidfd)};
}

void LetParentGoOn(SharedStack& stack) {
  __atomic_store_n(&stack.held, 0, __ATOMIC_RELEASE);
  quiet::WakeWaiting(stack.held);
}

std::expected<pid_t, int> Fork() {
  pid_t pid = fork();
  if (pid < 0) return std::unexpected(errno);
  return pid;
}

Isolation ProbeIsolation() {
  for (Isolation isolation : {Isolation::kPidNamespace, Isolation::kUserAndPidNamespace}) {
    auto child = ForkInto(isolation);
    if (!child) continue;
    if (child->pid == 0) _exit(0);
    waitpid(child->pid, nullptr, 0);
    return isolation;
  }
  return Isolation::kNone;
}

std::expected<Child, int> StartProgram(const Program& program) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return std::unexpected(errno);
  Descriptor error_read(ends[0]), error_write(ends[1]);
  auto argv = Pointers(program.argv);
  auto environment = Pointers(program.environment);
  pid_t parent = getpid();
  auto hold = HoldReaping();
  pid_t pid = fork();
  if (pid < 0) return std::unexpected(errno);
  if (pid == 0) {
    ExecProgram(program.path.c_str(), argv.data(), environment.data(), program.socket,
                error_write.get(), parent);
  }
  NoteChild(pid);
  hold.unlock();
  error_write.Close();
  Descriptor pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  int error = pidfd ? 0 : errno;
  pollfd waits{error_read.get(), POLLIN, 0};
  constexpr int kExecLimit = 5000;
  if (!error && poll(&waits, 1, kExecLimit) == 0) error = ETIMEDOUT;
  if (!error && read(error_read.get(), &error, sizeof error) == 0) error = 0;
  if (error) {
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    ForgetChild(pid);
    return std::unexpected(error);
  }
  return Child{pid, std::move(pidfd)};
}

Descriptor OpenSelf() { return Descriptor(static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0))); }

bool SendSignal(const Descriptor& pidfd, int signal) {
  return syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0) == 0;
}

bool SendSignal(pid_t child, int signal) { return child > 0 && kill(child, signal) == 0; }

void KillStranger(pid_t pid, std::string_view entry) {
  Descriptor pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (pidfd && HasInEnvironment(pid, entry)) SendSignal(pidfd, SIGKILL);
}

namespace {

// Twice below the root, and so not a number that has become another's meanwhile.
std::vector<Descriptor> HoldDescendants(pid_t root) {
  std::map<pid_t, Descriptor> held;
  for (pid_t pid : Descendants(root))
    held[pid] = Descriptor(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  std::vector<Descriptor> below;
  for (pid_t pid : Descendants(root)) {
    auto found = held.find(pid);
    if (found != held.end() && found->second) below.push_back(std::move(found->second));
  }
  return below;
}

}  // namespace

bool KillTree(const Child& child, std::string_view entry, std::chrono::milliseconds limit) {
  constexpr int kPause = 10;  // ms
  auto end = std::chrono::steady_clock::now() + limit;
  // Its children are found through it: it stands still, and goes last.
  SendSignal(child.pidfd, SIGSTOP);
  for (;;) {
    auto below = HoldDescendants(child.pid);
    std::erase_if(below, [](const Descriptor& one) { return HasEnded(one); });
    for (const Descriptor& one : below) SendSignal(one, SIGKILL);
    bool last = std::chrono::steady_clock::now() >= end;
    if (below.empty() || last) {
      if (!HasEnded(child.pidfd)) kill(-child.pid, SIGKILL);
      SendSignal(child.pidfd, SIGKILL);
      auto strays = FindByEnvironment(entry);
      std::erase(strays, child.pid);
      for (pid_t pid : strays) KillStranger(pid, entry);
      if (below.empty() && strays.empty() && HasEnded(child.pidfd)) return true;
      if (last) return false;
    }
    poll(nullptr, 0, kPause);
  }
}

bool HasEnded(const Descriptor& pidfd) { return WaitEnded(pidfd, {}); }

bool WaitEnded(const Descriptor& pidfd, std::chrono::milliseconds limit) {
  pollfd waits{pidfd.get(), POLLIN, 0};
  return poll(&waits, 1, static_cast<int>(limit.count())) == 1;
}

std::expected<Reaped, int> ReapAny(bool block) {
  int status = 0;
  rusage usage{};
  pid_t pid;
  do {
    pid = wait4(-1, &status, __WALL | (block ? 0 : WNOHANG), &usage);
  } while (pid < 0 && errno == EINTR);
  if (pid < 0) return std::unexpected(errno);
  return pid == 0 ? Reaped{} : MakeReaped(pid, status, usage);
}

std::optional<Reaped> Reap(const Descriptor& pidfd) {
  siginfo_t info{};
  rusage usage{};
  // The raw call: glibc's waitid() has no rusage.
  long result = syscall(SYS_waitid, P_PIDFD, pidfd.get(), &info, WEXITED | WNOHANG, &usage);
  if (result != 0 || info.si_pid == 0) return std::nullopt;
  ForgetChild(info.si_pid);
  int status = info.si_code == CLD_EXITED ? info.si_status << 8 : info.si_status;
  return MakeReaped(info.si_pid, status, usage);
}

void BecomeSubreaper() { prctl(PR_SET_CHILD_SUBREAPER, 1); }

void SetParentDeathSignal(int signal) { prctl(PR_SET_PDEATHSIG, signal); }

}  // namespace forager::os
