// The keeper: one thread, no database, no network. Starts attempts, reaps them, holds them to
// their limits. Whatever it is asked beyond that is the server's work; it never carries an attempt's
// data.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <deque>
#include <unordered_map>

#include "os/clock.h"
#include "os/event_loop.h"
#include "os/lock_file.h"
#include "os/proc_files.h"
#include "os/signals.h"
#include "os/socket_messages.h"
#include "supervisor/attempt_process.h"
#include "supervisor/keeper_protocol.h"
#include "supervisor/leftovers.h"
#include "supervisor/scratch.h"
#include "supervisor/start_failure.h"
#include "supervisor/supervisor.h"
#include "supervisor/tree_watch.h"

namespace forager::supervisor {
namespace {

constexpr int kServerSocket = 3;
constexpr std::chrono::milliseconds kLeaseLook{250};
constexpr int kMaxMessagesPerRound = 64;
constexpr int kMaxReleasesPerRound = 16;
// More words than this waiting for a server that does not read: it is gone in all but name.
constexpr std::size_t kMaxOutbox = 100'000;

std::string_view StepWords(Report::Step step) {
  switch (step) {
    case Report::Step::kFork:
      return "no process could be made";
    case Report::Step::kIdentity:
      return "its user could not be taken on";
    case Report::Step::kScratch:
      return "its scratch directory could not be entered";
    case Report::Step::kLimits:
      return "its limits could not be set";
    case Report::Step::kFiles:
      return "its view of the file system could not be set";
    case Report::Step::kSandbox:
      return "its sandbox could not be set";
    case Report::Step::kDirectory:
      return "its directory cannot be entered";
    case Report::Step::kExec:
      return "cannot be executed";
  }
  return "";
}

class Keeper {
 public:
  Keeper(const WorkerEntry& worker) { house_.worker = worker; }

  int Run() {
    server_ = loop_->WatchReadable(kServerSocket, [this] { ReadServer(); });
    loop_->Run();
    return 0;
  }

 private:
  struct Attempt {
    AttemptPlan plan;
    os::Child child;
    std::unique_ptr<os::SharedStack> stack;  // the first process's, while it is not reaped
    int pid = 0;                             // the collector's
    bool announced = false;
    bool ended = false;
    bool lease_lost = false;
    std::optional<Report> end;
    std::optional<Report> failure;
  };
  using Attempts = std::unordered_map<std::uint64_t, Attempt>;

  void ReadServer() {
    os::Message message;
    for (int i = 0; i < kMaxMessagesPerRound; ++i) {
      os::Received received = os::Receive(kServerSocket, message);
      if (received == os::Received::kNothing) return;
      auto words = received == os::Received::kMessage ? Decode(message.bytes) : std::nullopt;
      // The server is gone, or speaks another language: our attempts die with us.
      if (!words) return loop_->Stop();
      if (auto* configure = std::get_if<Configure>(&*words)) {
        if (!SetUp(*configure)) return loop_->Stop();
      } else if (auto* start = std::get_if<StartAttempt>(&*words)) {
        Start(std::move(*start), message);
      } else if (auto* signal = std::get_if<SignalAttempt>(&*words)) {
        auto found = attempts_.find(signal->id);
        if (found != attempts_.end()) os::SendSignal(found->second.child.pid, signal->signal);
      } else if (auto* good = std::get_if<GoodUntil>(&*words)) {
        HoldUntil(*good);
      } else if (auto* protect = std::get_if<ProtectFiles>(&*words)) {
        house_.files = {std::move(protect->hidden), std::move(protect->read_only)};
      } else if (auto* forget = std::get_if<ForgetState>(&*words)) {
        bool runs = std::ranges::any_of(attempts_, [&](const auto& entry) {
          return entry.second.plan.job_id == forget->job_id;
        });
        if (!runs) RemoveState(house_.data_dir, forget->job_id);
      } else if (std::holds_alternative<Ping>(*words)) {
        Tell(Pong{});
      }
    }
  }

  bool SetUp(const Configure& configure) {
    house_.data_dir = configure.data_dir;
    house_.marker = LeftoverMarker(configure.data_dir);
    house_.user_name = configure.run_as;
    os::SetUmask(configure.umask);
    house_.files = {configure.hidden, configure.read_only};
    if (os::IsRoot() && !configure.run_as.empty()) {
      house_.user = os::FindUser(configure.run_as);
      if (!house_.user) return false;
    }
    house_.isolation = os::ProbeIsolation();
    // One mapped user is all that an unprivileged namespace offers.
    if (house_.isolation == os::Isolation::kUserAndPidNamespace && house_.user) {
      house_.isolation = os::Isolation::kNone;
    }
    if (house_.isolation == os::Isolation::kNone) os::BecomeSubreaper();
    EquipHouse(house_);
    children_ = loop_->OnSignal(SIGCHLD, [this] { ReapChildren(); });
    house_.keeper = os::OpenSelf();
    if (TakeScratchRoot(house_.data_dir, configure.generation) != 0) return false;
    auto lock = os::OpenLockFile(configure.data_dir + "/attempts.lock");
    auto pair = os::MakeMessagePair();
    if (!lock || !pair || !os::LockShared(*lock, configure.generation)) return false;
    lock_ = Above(*lock);
    report_send_ = Above(pair->first);
    report_ = std::move(pair->second);
    house_.lock = lock_.get();
    house_.report = report_send_.get();
    if (house_.worker.warm) house_.worker.warm();
    reports_ = loop_->WatchReadable(report_.get(), [this] { ReadReports(); });
    watch_.Open(configure.data_dir + "/scratch");
    Tell(Ready{house_.isolation != os::Isolation::kNone});
    return true;
  }

  static os::Descriptor Above(const os::Descriptor& low) {
    return os::Descriptor(fcntl(low.get(), F_DUPFD_CLOEXEC, 10));
  }

  void Start(StartAttempt start, os::Message& message) {
    Attempt attempt;
    AttemptPlan& plan = attempt.plan;
    plan.id = start.id;
    plan.job_id = std::move(start.job_id);
    plan.attempt = start.attempt;
    plan.collector = std::move(start.collector);
    plan.command = std::move(start.command);
    plan.directory = std::move(start.directory);
    plan.environment = std::move(start.environment);
    plan.limits = start.limits;
    plan.scratch = fmt::format("{}/scratch/{}-{}", house_.data_dir, plan.job_id, plan.attempt);
    if (LeaseLost()) return Refuse(plan, "the server's lease has run out", true);
    if (message.descriptors.size() < 3 || message.descriptors_lost)
      return Refuse(plan, os::ErrorWords(EMFILE), true);
    // Above every number a collector is given.
    plan.input = message.descriptors[0].get();
    plan.events = message.descriptors[1].get();
    plan.errors = message.descriptors[2].get();
    if (message.descriptors.size() > 3) plan.output = message.descriptors[3].get();
    if (int error = MakeScratch(plan.scratch, house_.user)) {
      return Refuse(plan,
                    fmt::format("the scratch directory cannot be made: {}", os::ErrorWords(error)),
                    true);
    }
    if (!plan.command.empty()) {
      plan.state = StatePath(house_.data_dir, plan.job_id);
      if (int error = MakeState(house_.data_dir, plan.job_id, house_.user)) {
        rmdir(plan.scratch.c_str());
        return Refuse(plan,
                      fmt::format("the state directory cannot be made: {}", os::ErrorWords(error)),
                      true);
      }
    }
    attempt.stack = std::make_unique_for_overwrite<os::SharedStack>();
    auto child = SpawnAttempt(house_, plan, *attempt.stack);
    if (!child) {
      rmdir(plan.scratch.c_str());
      return Refuse(plan, fmt::format("no process can be made: {}", os::ErrorWords(child.error())),
                    true);
    }
    attempt.child = std::move(*child);
    by_pid_[attempt.child.pid] = plan.id;
    std::vector<std::string> directories = {plan.scratch};
    if (!plan.state.empty()) directories.push_back(plan.state);
    watch_.Add(plan.id, attempt.child.pid, plan.limits, std::move(directories));
    attempts_.emplace(plan.id, std::move(attempt));
  }

  void Refuse(const AttemptPlan& plan, std::string reason, bool resources, bool machine = false) {
    Tell(AttemptNotStarted{plan.id, std::move(reason), resources, machine});
  }

  // An attempt without a last word is one whose reports were read to their end after its first
  // process was reaped: none is released before.
  void ReadReports() {
    std::size_t reaped = reaped_.size();
    os::Message message;
    for (int i = 0; i < kMaxMessagesPerRound; ++i) {
      os::Received received = os::Receive(report_.get(), message);
      if (received == os::Received::kNothing) {
        to_release_ = reaped;
        return ReleaseReaped();
      }
      if (received == os::Received::kClosed) return loop_->Stop();  // nobody can be judged any more
      Report report;
      if (message.bytes.size() != sizeof report) continue;
      std::memcpy(&report, message.bytes.data(), sizeof report);
      auto found = attempts_.find(report.id);
      if (found != attempts_.end()) Take(found->second, report, message.sender_pid);
    }
    // The server has its turn first. The socket may be empty by now and would not call again.
    if (reaped > 0 && !std::exchange(read_on_, true)) {
      loop_->Post([this] {
        read_on_ = false;
        ReadReports();
      });
    }
  }

  void Take(Attempt& attempt, const Report& report, int sender) {
    switch (report.kind) {
      case Report::Kind::kRunning:
        attempt.pid = sender;
        if (attempt.plan.command.empty()) Announce(attempt);
        break;
      case Report::Kind::kExecuted:
        Announce(attempt);
        break;
      case Report::Kind::kNotStarted:
        attempt.failure = report;
        break;
      case Report::Kind::kEnded:
        attempt.end = report;
        if (!report.empty && !attempt.failure) TellEnd(attempt, report.status, false, {});
        break;
      case Report::Kind::kEmpty:
        attempt.end = report;
        break;
    }
  }

  std::string WhyNotStarted(const AttemptPlan& plan, const Report& report) const {
    std::string error = os::ErrorWords(report.error);
    std::string user =
        house_.user ? fmt::format("; attempts run as user {}", house_.user_name) : "";
    if (report.step == Report::Step::kExec) {
      const char* path = std::getenv("PATH");
      return WhyNotExecuted(plan.command.front(), report.error, path ? path : "") + user;
    }
    if (report.step == Report::Step::kDirectory) {
      return fmt::format("its directory {} cannot be read: {}{}", plan.directory, error, user);
    }
    return fmt::format("{}: {}{}", StepWords(report.step), error, user);
  }

  void Announce(Attempt& attempt) {
    if (std::exchange(attempt.announced, true)) return;
    Tell(AttemptStarted{attempt.plan.id, attempt.pid}, attempt.child.pidfd.get());
  }

  void ReapChildren() {
    while (true) {
      auto reaped = os::ReapAny(false);
      if (!reaped || reaped->pid < 0) break;
      auto pid = by_pid_.find(reaped->pid);
      if (pid == by_pid_.end()) continue;  // a sweeper, or an orphan
      reaped_.emplace_back(pid->second, *reaped);
      // The number may be another's from now on.
      if (auto found = attempts_.find(pid->second); found != attempts_.end())
        found->second.child.pid = -1;
      by_pid_.erase(pid);
    }
    ReadReports();  // what they said before they ended is here by now
    if (orphans_) orphans_ = KillOrphans();
  }

  // Some at a time: what an attempt leaves on the disk takes a while to remove, and the server must
  // be answered meanwhile.
  void ReleaseReaped() {
    for (int i = 0; i < kMaxReleasesPerRound && to_release_ > 0; ++i) {
      auto [id, reaped] = reaped_.front();
      reaped_.pop_front();
      --to_release_;
      if (auto found = attempts_.find(id); found != attempts_.end()) Release(found, reaped);
    }
    if (to_release_ == 0 || std::exchange(release_on_, true)) return;
    loop_->Post([this] {
      release_on_ = false;
      ReleaseReaped();
    });
  }

  // The first process is reaped: the kernel has emptied its namespace before.
  void Release(Attempts::iterator found, const os::Reaped& reaped) {
    Attempt& attempt = found->second;
    Usage usage{reaped.cpu_user_ms, reaped.cpu_system_ms,
                attempt.end ? attempt.end->max_rss_kb : reaped.max_rss_kb,
                attempt.end ? attempt.end->survivors : 0};
    if (attempt.failure) {
      Report::Step step = attempt.failure->step;
      bool own = step == Report::Step::kExec || step == Report::Step::kDirectory;
      Refuse(attempt.plan, WhyNotStarted(attempt.plan, *attempt.failure),
             os::IsShortage(attempt.failure->error), !own);
    } else if (attempt.ended) {
      Tell(AttemptReleased{attempt.plan.id, usage});
    } else {
      // Without a last word it was killed from outside: its status stands for its tree's.
      if (!attempt.end && house_.isolation == os::Isolation::kNone) orphans_ = true;
      int status = attempt.end ? attempt.end->status : SIGKILL;
      TellEnd(attempt, status, true, usage);
    }
    watch_.Remove(attempt.plan.id);
    RemoveScratch(attempt.plan.scratch);
    if (!attempt.plan.state.empty()) LeaveState(house_.data_dir, attempt.plan.job_id);
    attempts_.erase(found);
  }

  void TellEnd(Attempt& attempt, int status, bool released, const Usage& usage) {
    Announce(attempt);
    attempt.ended = true;
    Tell(AttemptEnded{attempt.plan.id, status, released, attempt.lease_lost, usage});
  }

  // The dead man's switch: whoever may start our attempts elsewhere finds nothing alive here.
  void HoldUntil(const GoodUntil& good) {
    lease_end_ = os::Steady(std::chrono::milliseconds(good.boot_ms));
    if (!lease_) lease_ = loop_->Every(kLeaseLook, [this] { CheckLease(); });
  }
  bool LeaseLost() const {
    return lease_end_ && os::SystemClock().SteadyNow() >= *lease_end_ - kKillBeforeLeaseEnd;
  }
  void CheckLease() {
    if (!LeaseLost()) return;
    for (auto& [id, attempt] : attempts_) {
      attempt.lease_lost |= !attempt.ended;
      // Without a namespace the first process kills the rest before it ends.
      bool whole = house_.isolation != os::Isolation::kNone;
      os::SendSignal(attempt.child.pid, SIGCONT);
      os::SendSignal(attempt.child.pid, whole ? SIGKILL : kKillSignal);
    }
  }

  // Without namespaces, what a first process left when it was killed from outside comes to us. True
  // when there was any: their children come next.
  bool KillOrphans() {
    bool any = false;
    for (pid_t pid : os::Descendants(getpid())) {
      if (by_pid_.contains(pid) || ParentOf(pid) != getpid()) continue;
      os::SendSignal(pid, SIGKILL);
      any = true;
    }
    return any;
  }

  static pid_t ParentOf(pid_t pid) {
    std::string stat = os::ReadSmallFile(fmt::format("/proc/{}/stat", pid), 512);
    auto end = stat.rfind(')');
    char state;
    int parent = 0;
    if (end == std::string::npos ||
        std::sscanf(stat.c_str() + end + 1, " %c %d", &state, &parent) != 2)
      return 0;
    return parent;
  }

  void Tell(const KeeperMessage& message, int descriptor = -1) {
    std::string bytes = Encode(message);
    std::span<const int> descriptors(&descriptor, descriptor < 0 ? 0u : 1u);
    if (outbox_.empty() && os::Send(kServerSocket, bytes, descriptors) == os::Sent::kDone) return;
    // What could not go is kept with a descriptor of its own: the attempt may be gone by then.
    outbox_.push_back({std::move(bytes), os::Descriptor(descriptor < 0 ? -1 : dup(descriptor))});
    if (outbox_.size() > kMaxOutbox) return loop_->Stop();
    if (!room_) Flush();
  }

  void Flush() {
    while (!outbox_.empty()) {
      int descriptor = outbox_.front().descriptor.get();
      std::span<const int> descriptors(&descriptor, descriptor < 0 ? 0u : 1u);
      os::Sent sent = os::Send(kServerSocket, outbox_.front().bytes, descriptors);
      if (sent == os::Sent::kClosed) return loop_->Stop();
      if (sent == os::Sent::kFull) {
        if (!room_) room_ = loop_->WatchWritable(kServerSocket, [this] { Flush(); });
        return;
      }
      outbox_.pop_front();
    }
    room_.reset();
  }

  struct Outgoing {
    std::string bytes;
    os::Descriptor descriptor;
  };

  std::unique_ptr<os::EventLoop> loop_ = os::EventLoop::Make();
  AttemptHouse house_;
  TreeWatch watch_{*loop_, [this](std::uint64_t id, Limit limit) {
                     Tell(LimitExceeded{id, static_cast<std::uint8_t>(limit)});
                   }};
  os::Descriptor report_, report_send_, lock_;
  Attempts attempts_;
  std::unordered_map<pid_t, std::uint64_t> by_pid_;
  std::deque<std::pair<std::uint64_t, os::Reaped>> reaped_;  // not released yet
  std::deque<Outgoing> outbox_;
  bool orphans_ = false;
  std::size_t to_release_ = 0;  // of them, from the front: their reports are read
  bool release_on_ = false;     // more are released in the next round
  bool read_on_ = false;  // more reports are read in the next round
  std::optional<os::Steady> lease_end_;
  os::EventLoop::Token lease_, server_, reports_, children_, room_;
};

}  // namespace

int KeeperMain(int, char**, const WorkerEntry& worker) {
  if (!os::IsMessageSocket(kServerSocket)) {
    std::fputs("forager keeper is started by forager serve, not by hand\n", stderr);
    return 2;
  }
  os::SetProcessName("forager-keeper");
  os::SetDumpable(false);
  os::IgnoreStraySignals();
  os::BlockStopSignals();
  os::RaiseOpenFiles();
  // It does little, and a crowd of attempts must not keep it from that.
  os::GoBeforeOthers();
  return Keeper(worker).Run();
}

}  // namespace forager::supervisor
