#include "supervisor/attempt_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

#include "os/clock.h"
#include "os/proc_files.h"
#include "os/signals.h"
#include "os/socket_messages.h"

namespace forager::supervisor {

const int kStopSignal = SIGTERM;
const int kKillSignal = SIGQUIT;

namespace {

using Kind = Report::Kind;
using Step = Report::Step;
using std::chrono::milliseconds;

// After this long with something still alive the keeper is told of the collector's end alone.
constexpr milliseconds kEmptyLimit{300};
constexpr milliseconds kKillAgain{100};

std::string_view Bytes(const Report& report) {
  return {reinterpret_cast<const char*>(&report), sizeof report};
}

// The collector's side: everything given up, then its own code. Reports a failed step and ends.
class Collector {
 public:
  Collector(const AttemptHouse& house, const AttemptPlan& plan, int exec_pipe)
      : house_(house), plan_(plan), exec_pipe_(exec_pipe) {}

  [[noreturn]] void Run() {
    os::ResetSignals();
    setsid();
    TakeDescriptors();
    EnterScratch();
    Check(Step::kLimits, os::SetLimits({plan_.memory_bytes, 1024}));
    os::YieldToOthers();
    GiveUpRights();
    plan_.command.empty() ? RunBuiltin() : RunCommand();
  }

 private:
  bool is_command() const { return !plan_.command.empty(); }

  void Check(Step step, int error) {
    if (error == 0) return;
    if (exec_pipe_ >= 0) {  // the first process tells
      int words[2] = {static_cast<int>(step), error};
      if (write(exec_pipe_, words, sizeof words) != sizeof words) _exit(126);
    } else {
      Report report{Kind::kNotStarted, step, plan_.id, error};
      os::SendBlocking(house_.report, Bytes(report));
    }
    _exit(127);
  }

  void Become(int from, int to) { Check(Step::kFork, dup2(from, to) < 0 ? errno : 0); }

  void TakeDescriptors() {
    if (is_command()) {
      Become(plan_.input, 0);
      Become(plan_.events, 1);
      Become(plan_.errors, 2);
    } else {
      Become(plan_.errors, 1);
      Become(plan_.errors, 2);
      Become(plan_.input, 3);
      Become(plan_.events, 4);
    }
  }

  void EnterScratch() {
    int scratch = open(plan_.scratch.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    Check(Step::kScratch, scratch < 0 || fchdir(scratch) != 0 ? errno : 0);
    scratch_ = scratch;
  }

  void GiveUpRights() {
    Check(Step::kSandbox, os::ForbidNewPrivileges());
    if (is_command()) {
      // Its neighbours may have changed since the last command: looked up anew.
      if (house_.builtin_files) {
        auto files = os::FileAccess::AllBut(house_.data_dir);
        if (files) Check(Step::kFiles, files->Restrict(scratch_));
      }
    } else if (house_.builtin_files) {
      Check(Step::kFiles, house_.builtin_files->Restrict(scratch_));
    }
    if (house_.user) Check(Step::kIdentity, os::BecomeUser(*house_.user));
    Check(Step::kSandbox, os::DropCapabilities());
    const auto& filter = is_command() ? house_.command_filter : house_.builtin_filter;
    if (filter) Check(Step::kSandbox, filter->Install());
  }

  void ReportRunning() {
    Report report{Kind::kRunning, Step::kFork, plan_.id};
    os::SendBlocking(house_.report, Bytes(report));
  }

  [[noreturn]] void RunBuiltin() {
    os::SetProcessName("forager-attempt");
    setenv("TMPDIR", plan_.scratch.c_str(), 1);
    setenv("HOME", plan_.scratch.c_str(), 1);
    ReportRunning();
    close_range(5, ~0u, 0);
    _exit(house_.worker.run(plan_.collector, 3, 4));
  }

  [[noreturn]] void RunCommand() {
    const char* path = getenv("PATH");
    std::vector<std::string> environment = {
        std::string("PATH=") + (path ? path : "/usr/local/bin:/usr/bin:/bin"),
        "HOME=" + plan_.scratch,
        "TMPDIR=" + plan_.scratch,
        "LANG=C.UTF-8",
        "FORAGER_JOB_ID=" + plan_.job_id,
        "FORAGER_ATTEMPT=" + std::to_string(plan_.attempt),
        house_.marker};
    std::vector<char*> argv, variables;
    for (const std::string& word : plan_.command) argv.push_back(const_cast<char*>(word.c_str()));
    for (const std::string& entry : environment)
      variables.push_back(const_cast<char*>(entry.c_str()));
    argv.push_back(nullptr);
    variables.push_back(nullptr);
    ReportRunning();
    close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
    execvpe(argv[0], argv.data(), variables.data());
    Check(Step::kExec, errno);
    _exit(127);
  }

  const AttemptHouse& house_;
  const AttemptPlan& plan_;
  int exec_pipe_;
  int scratch_ = -1;
};

// The tree's first process: pid 1 of its namespace, or a subreaper. Kills and reaps; holds nothing
// else.
class FirstProcess {
 public:
  FirstProcess(const AttemptHouse& house, const AttemptPlan& plan, uid_t uid, gid_t gid)
      : house_(house), plan_(plan), uid_(uid), gid_(gid) {}

  [[noreturn]] void Run() {
    bool namespaces = house_.isolation != os::Isolation::kNone;
    os::SetParentDeathSignal(namespaces ? SIGKILL : kKillSignal);
    if (!namespaces) os::BecomeSubreaper();
    os::SetProcessName("forager-init");
    if (os::HasEnded(house_.keeper)) _exit(1);  // it died before the death signal was set
    int error = 0;
    if (house_.isolation == os::Isolation::kUserAndPidNamespace) error = os::MapOwnIds(uid_, gid_);
    os::PreferAsVictim();
    if (error) Fail(Step::kIdentity, error);
    StartCollector();
    Watch();
  }

 private:
  void Send(Report report) {
    report.id = plan_.id;
    os::SendBlocking(house_.report, Bytes(report));
  }

  [[noreturn]] void Fail(Step step, int error) {
    Send({Kind::kNotStarted, step, 0, error});
    _exit(1);
  }

  void StartCollector() {
    int ends[2] = {-1, -1};
    if (!plan_.command.empty() && pipe2(ends, O_CLOEXEC) != 0) Fail(Step::kFork, errno);
    auto child = os::Fork();
    if (!child) Fail(Step::kFork, child.error());
    if (*child == 0) Collector(house_, plan_, ends[1]).Run();
    collector_ = *child;
    if (ends[0] >= 0) {
      close(ends[1]);
      int words[2] = {0, 0};
      ssize_t got = read(ends[0], words, sizeof words);
      if (got == sizeof words) {
        not_started_ = true;
        Send({Kind::kNotStarted, static_cast<Step>(words[0]), 0, words[1]});
      } else {
        Send({Kind::kExecuted});
      }
    }
    KeepOnly(house_.report, house_.lock);
  }

  // Everything else belongs to the collector, or to nobody.
  void KeepOnly(int report, int lock) {
    int low = std::min(report, lock), high = std::max(report, lock);
    if (low > 3) close_range(3, low - 1, 0);
    if (high > low + 1) close_range(low + 1, high - 1, 0);
    close_range(high + 1, ~0u, 0);
  }

  [[noreturn]] void Watch() {
    while (!ended_) {
      int signal = os::WaitSignal();
      if (signal == SIGCHLD) ReapAll();
      if (signal == kStopSignal) {
        SignalAll(SIGTERM);
        SignalAll(SIGCONT);
      }
      if (signal == kKillSignal) {
        killed_ = true;
        SignalAll(SIGKILL);
      }
    }
    Finish();
  }

  // What outlived the collector is killed until nothing is left: the proof.
  [[noreturn]] void Finish() {
    killed_ = true;
    os::Steady start = os::SystemClock().SteadyNow();
    bool told = false;
    while (true) {
      SignalAll(SIGKILL);
      if (ReapAll()) break;
      os::WaitSignal(kKillAgain);
      bool late = os::SystemClock().SteadyNow() - start >= kEmptyLimit;
      if (late && !std::exchange(told, true)) Tell(Kind::kEnded, false);
    }
    Tell(told ? Kind::kEmpty : Kind::kEnded, true);
    _exit(0);
  }

  void Tell(Kind kind, bool empty) {
    if (not_started_) return;
    Report report{kind};
    report.status = status_;
    report.survivors = survivors_;
    report.empty = empty;
    Send(report);
  }

  // True when no child is left.
  bool ReapAll() {
    while (true) {
      auto reaped = os::ReapAny(false);
      if (!reaped) return true;
      if (reaped->pid < 0) return false;
      if (reaped->pid == collector_) {
        ended_ = true;
        status_ = reaped->status;
      } else if (ended_ || killed_) {
        ++survivors_;
      }
    }
  }

  void SignalAll(int signal) {
    if (house_.isolation != os::Isolation::kNone) {
      os::SendSignalToAll(signal);
    } else {
      for (pid_t pid : os::Descendants(getpid())) os::SendSignal(pid, signal);
    }
  }

  const AttemptHouse& house_;
  const AttemptPlan& plan_;
  uid_t uid_;
  gid_t gid_;
  pid_t collector_ = -1;
  bool ended_ = false;
  bool killed_ = false;
  bool not_started_ = false;
  int status_ = 0;
  int survivors_ = 0;
};

}  // namespace

std::expected<os::Child, int> SpawnAttempt(const AttemptHouse& house, const AttemptPlan& plan) {
  uid_t uid = geteuid();
  gid_t gid = getegid();
  auto child = os::ForkInto(house.isolation);
  if (child && child->pid == 0) FirstProcess(house, plan, uid, gid).Run();
  return child;
}

}  // namespace forager::supervisor
