#include "supervisor/attempt_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "os/proc_files.h"
#include "os/quiet_calls.h"
#include "os/signals.h"
#include "os/socket_messages.h"

namespace forager::supervisor {

const int kStopSignal = SIGTERM;
const int kKillSignal = SIGQUIT;

namespace {

using Kind = Report::Kind;
using Step = Report::Step;
using std::chrono::milliseconds;
namespace quiet = os::quiet;

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
    if (is_command() && house_.mounts) EnterView();
    os::YieldToOthers();
    os::PreferAsVictim();  // not before: it reaches all who share the memory
    GiveUpRights();
    // Last: this copy of the keeper still holds descriptors of every other attempt.
    Check(Step::kLimits, os::SetLimits({1024}));
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
      Become(plan_.output >= 0 ? plan_.output : plan_.events, 1);
      Become(plan_.errors, 2);
      Become(plan_.events, 3);
      // A pipe is opened by name (/dev/stdout, /dev/fd/3) by its owner only.
      for (int pipe = 0; house_.user && pipe <= 3; ++pipe) {
        if (fchown(pipe, house_.user->uid, house_.user->gid) != 0) break;
      }
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
    if (plan_.state.empty()) return;
    state_ = open(plan_.state.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    Check(Step::kScratch, state_ < 0 ? errno : 0);
  }

  void EnterView() {
    os::MountView view;
    view.data_dir = house_.data_dir;
    view.scratch = plan_.scratch;
    view.files = &house_.files;
    view.user = house_.user;
    view.state = plan_.state;
    view.shared_memory = plan_.limits.memory_bytes;
    view.named = plan_.command;
    view.named.push_back(plan_.directory);
    view.named.insert(view.named.end(), plan_.environment.begin(), plan_.environment.end());
    Check(Step::kFiles, os::EnterMountView(view));
  }

  // Without mounts Landlock hides what it can. Its neighbours may have changed since the last
  // command: looked up anew.
  void RestrictFiles() {
    if (!house_.builtin_files) return;
    if (!is_command()) return Check(Step::kFiles, house_.builtin_files->Restrict({scratch_}));
    if (house_.mounts) return Check(Step::kFiles, house_.command_files->Restrict({scratch_, state_}));
    std::vector<std::string> hidden = house_.files.hidden;
    hidden.insert(hidden.end(), house_.files.read_only.begin(), house_.files.read_only.end());
    hidden.push_back(house_.data_dir);
    auto files = os::FileAccess::AllBut(hidden);
    if (files) Check(Step::kFiles, files->Restrict({scratch_, state_}));
  }

  void GiveUpRights() {
    Check(Step::kSandbox, os::ForbidNewPrivileges());
    RestrictFiles();
    if (house_.user) Check(Step::kIdentity, os::BecomeUser(*house_.user));
    Check(Step::kSandbox, os::DropCapabilities());
    if (is_command()) mkdirat(scratch_, "out", 0700);
    if (!plan_.directory.empty()) EnterDirectory();
    const auto& filter = is_command() ? house_.command_filter : house_.builtin_filter;
    if (filter) Check(Step::kSandbox, filter->Install());
  }

  // As the user it runs as: what that one may not read, the command could not either.
  void EnterDirectory() {
    int directory = open(plan_.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    Check(Step::kDirectory, directory < 0 || fchdir(directory) != 0 ? errno : 0);
  }

  void ReportRunning() {
    Report report{Kind::kRunning, Step::kFork, plan_.id};
    os::SendBlocking(house_.report, Bytes(report));
  }

  [[noreturn]] void RunBuiltin() {
    os::SetProcessName("forager-attempt");
    // The server looks at its attempts; of the same user, it can only where it may look.
    if (!house_.user && !os::IsRoot()) os::SetDumpable(true);
    setenv("TMPDIR", plan_.scratch.c_str(), 1);
    setenv("HOME", plan_.scratch.c_str(), 1);
    ReportRunning();
    close_range(5, ~0u, 0);
    _exit(house_.worker.run(plan_.collector, 3, 4));
  }

  // The type's variables win over those that are always there, but not over ours.
  std::vector<std::string> Environment() const {
    const char* path = getenv("PATH");
    std::vector<std::string> all = {
        std::string("PATH=") + (path ? path : "/usr/local/bin:/usr/bin:/bin"),
        "HOME=" + plan_.scratch,
        "TMPDIR=" + (house_.mounts ? "/tmp" : plan_.scratch),
        "LANG=C.UTF-8",
        "PYTHONUNBUFFERED=1"};  // else what a script prints is heard of at its end
    for (const std::string& entry : plan_.environment) {
      std::string name = entry.substr(0, entry.find('=') + 1);
      std::erase_if(all, [&](const std::string& given) { return given.starts_with(name); });
      // The program is looked for where it will look itself.
      if (name == "PATH=") setenv("PATH", entry.c_str() + name.size(), 1);
    }
    all.insert(all.end(), plan_.environment.begin(), plan_.environment.end());
    all.push_back("FORAGER_JOB_ID=" + plan_.job_id);
    all.push_back("FORAGER_ATTEMPT=" + std::to_string(plan_.attempt));
    all.push_back("FORAGER_EVENTS=/dev/fd/3");
    all.push_back("FORAGER_OUT=" + plan_.scratch + "/out");
    all.push_back("FORAGER_STATE=" + plan_.state);
    all.push_back(house_.marker);
    return all;
  }

  [[noreturn]] void RunCommand() {
    std::vector<std::string> environment = Environment();
    std::vector<char*> argv, variables;
    for (const std::string& word : plan_.command) argv.push_back(const_cast<char*>(word.c_str()));
    for (const std::string& entry : environment)
      variables.push_back(const_cast<char*>(entry.c_str()));
    argv.push_back(nullptr);
    variables.push_back(nullptr);
    ReportRunning();
    close_range(4, ~0u, CLOSE_RANGE_CLOEXEC);
    execvpe(argv[0], argv.data(), variables.data());
    Check(Step::kExec, errno);
    _exit(127);
  }

  const AttemptHouse& house_;
  const AttemptPlan& plan_;
  int exec_pipe_;
  int scratch_ = -1, state_ = -1;
};

// How the collector of a shared first process gets from that one's small stack back to the
// keeper's, of which it has a copy of its own.
struct Passage {
  void* back[5];
  os::SharedStack* stack;
  const AttemptHouse* house;
  const AttemptPlan* plan;
  int exec_pipe = -1;
};

// The tree's first process: pid 1 of its namespace, or a subreaper. Kills and reaps; holds nothing
// else. With a passage it shares the keeper's memory: once the keeper goes on, it may touch nothing
// but itself.
class FirstProcess {
 public:
  FirstProcess(const AttemptHouse& house, const AttemptPlan& plan, Passage* passage)
      : id_(plan.id),
        report_(house.report),
        lock_(house.lock),
        namespaces_(house.isolation != os::Isolation::kNone),
        passage_(passage) {}

  [[noreturn]] void Run(const AttemptHouse& house, const AttemptPlan& plan, uid_t uid, gid_t gid) {
    os::SetParentDeathSignal(namespaces_ ? SIGKILL : kKillSignal);
    if (!namespaces_) os::BecomeSubreaper();
    os::SetProcessName("forager-init");
    if (os::HasEnded(house.keeper)) quiet::Exit(1);  // it died before the death signal was set
    if (house.isolation == os::Isolation::kUserAndPidNamespace) {
      os::SetDumpable(true);  // its own image: its files under /proc are root's otherwise
      if (int error = os::MapOwnIds(uid, gid)) Fail(Step::kIdentity, error);
      os::SetDumpable(false);
    }
    StartCollector(house, plan);
    Watch();
  }

 private:
  void Send(Report report) {
    report.id = id_;
    quiet::SendBlocking(report_, Bytes(report));
  }

  // The keeper goes on first: it may have to read before there is room for this.
  [[noreturn]] void Fail(Step step, int error) {
    if (passage_) os::LetParentGoOn(*passage_->stack);
    Send({Kind::kNotStarted, step, 0, error});
    quiet::Exit(1);
  }

  void StartCollector(const AttemptHouse& house, const AttemptPlan& plan) {
    int ends[2] = {-1, -1};
    if (!plan.command.empty() && pipe2(ends, O_CLOEXEC) != 0) Fail(Step::kFork, errno);
    if (passage_) passage_->exec_pipe = ends[1];
    auto child = os::Fork();
    if (!child) Fail(Step::kFork, child.error());
    if (*child == 0) {
      if (passage_) __builtin_longjmp(passage_->back, 1);
      Collector(house, plan, ends[1]).Run();
    }
    collector_ = *child;
    if (passage_) os::LetParentGoOn(*passage_->stack);
    if (ends[0] >= 0) {
      quiet::CloseRange(static_cast<unsigned>(ends[1]), static_cast<unsigned>(ends[1]));
      int words[2] = {0, 0};
      if (quiet::Read(ends[0], words, sizeof words) == sizeof words) {
        not_started_ = true;
        Send({Kind::kNotStarted, static_cast<Step>(words[0]), 0, words[1]});
      } else {
        Send({Kind::kExecuted});
      }
    }
    KeepOnly(static_cast<unsigned>(report_), static_cast<unsigned>(lock_));
  }

  // Everything else belongs to the collector, or to nobody.
  void KeepOnly(unsigned report, unsigned lock) {
    unsigned low = std::min(report, lock), high = std::max(report, lock);
    if (low > 3) quiet::CloseRange(3, low - 1);
    if (high > low + 1) quiet::CloseRange(low + 1, high - 1);
    quiet::CloseRange(high + 1, ~0u);
  }

  [[noreturn]] void Watch() {
    while (!ended_) {
      int signal = quiet::WaitSignal();
      if (signal == SIGCHLD) ReapAll();
      if (signal == SIGTERM) {  // kStopSignal
        SignalAll(SIGTERM);
        SignalAll(SIGCONT);
      }
      if (signal == SIGQUIT) {  // kKillSignal
        killed_ = true;
        SignalAll(SIGKILL);
      }
    }
    Finish();
  }

  // What outlived the collector is killed until nothing is left: the proof.
  [[noreturn]] void Finish() {
    killed_ = true;
    milliseconds start = quiet::Uptime();
    bool told = false;
    while (true) {
      SignalAll(SIGKILL);
      if (ReapAll()) break;
      quiet::WaitSignal(kKillAgain);
      bool late = quiet::Uptime() - start >= kEmptyLimit;
      if (late && !std::exchange(told, true)) Tell(Kind::kEnded, false);
    }
    Tell(told ? Kind::kEmpty : Kind::kEnded, true);
    quiet::Exit(0);
  }

  void Tell(Kind kind, bool empty) {
    if (not_started_) return;
    Report report{kind};
    report.status = status_;
    report.survivors = survivors_;
    report.empty = empty;
    report.max_rss_kb = max_rss_kb_;
    Send(report);
  }

  // True when no child is left.
  bool ReapAll() {
    while (true) {
      auto reaped = quiet::ReapAny();
      if (!reaped) return true;
      if (reaped->pid < 0) return false;
      max_rss_kb_ = std::max(max_rss_kb_, reaped->max_rss_kb);
      if (reaped->pid == collector_) {
        ended_ = true;
        status_ = reaped->status;
      } else if (ended_ || killed_) {
        ++survivors_;
      }
    }
  }

  void SignalAll(int signal) {
    if (namespaces_) {
      quiet::SendSignal(-1, signal);
    } else {  // forked: what it touches is its own
      for (pid_t pid : os::Descendants(getpid())) os::SendSignal(pid, signal);
    }
  }

  const std::uint64_t id_;
  const int report_, lock_;
  const bool namespaces_;
  Passage* const passage_;  // the keeper's, gone once it goes on
  pid_t collector_ = -1;
  bool ended_ = false;
  bool killed_ = false;
  bool not_started_ = false;
  int status_ = 0;
  int survivors_ = 0;
  std::int64_t max_rss_kb_ = 0;
};

int RunShared(void* argument) {
  auto* passage = static_cast<Passage*>(argument);
  FirstProcess first(*passage->house, *passage->plan, passage);
  first.Run(*passage->house, *passage->plan, 0, 0);
}

// The collector's side of a shared start arrives here a second time, in a copy of the keeper.
std::expected<os::Child, int> SpawnShared(const AttemptHouse& house, const AttemptPlan& plan,
                                          os::SharedStack& stack) {
  Passage passage{};
  passage.stack = &stack;
  passage.house = &house;
  passage.plan = &plan;
  passage.exec_pipe = -1;
  if (__builtin_setjmp(passage.back) != 0) {
    Collector(*passage.house, *passage.plan, passage.exec_pipe).Run();
  }
  return os::StartSharing(stack, RunShared, &passage);
}

}  // namespace

std::expected<os::Child, int> SpawnAttempt(const AttemptHouse& house, const AttemptPlan& plan,
                                           os::SharedStack& stack) {
  if (house.isolation == os::Isolation::kPidNamespace) {
    auto child = SpawnShared(house, plan, stack);
    if (child || os::IsShortage(child.error())) return child;
  }
  uid_t uid = geteuid();
  gid_t gid = getegid();
  auto child = os::ForkInto(house.isolation);
  if (child && child->pid == 0) FirstProcess(house, plan, nullptr).Run(house, plan, uid, gid);
  return child;
}

}  // namespace forager::supervisor
