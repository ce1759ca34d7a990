#include "supervisor/supervisor.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <unordered_map>

#include "os/child_process.h"
#include "os/lock_file.h"
#include "os/log.h"
#include "os/sandbox.h"
#include "os/signals.h"
#include "supervisor/attempt_process.h"
#include "supervisor/keeper_link.h"
#include "supervisor/leftovers.h"
#include "supervisor/running_attempt.h"
#include "supervisor/snapshot.h"

namespace forager::supervisor {
namespace {

constexpr Millis kTick{1000};
constexpr Millis kHandOver{100};
constexpr Millis kLookForProof{10};
constexpr Millis kLeftoverLimit{5000};
// The loop stood still for longer: the machine slept, or the server was stopped.
constexpr Millis kPause{3000};
constexpr Millis kFirstRefusal{200};
constexpr Millis kLastRefusal{10'000};

ProcessEnd EndOf(int status) {
  if (WIFSIGNALED(status)) return Signaled{WTERMSIG(status)};
  return Exited{WEXITSTATUS(status)};
}

std::string BytesWords(std::int64_t bytes) {
  if (bytes % (1LL << 30) == 0) return fmt::format("{} GiB", bytes >> 30);
  return fmt::format("{} MiB", bytes >> 20);
}

class SupervisorImpl final : public Supervisor, KeeperLink::Listener {
 public:
  SupervisorImpl(os::EventLoop& loop, const os::Clock& clock, SupervisorOptions options,
                 AttemptObserver& observer)
      : loop_(loop),
        clock_(clock),
        options_(std::move(options)),
        observer_(observer),
        keeper_(loop, {options_.data_dir, options_.run_as, options_.keeper_argv}, *this) {
    SetCollectorSettings(options_.collector_settings);
  }

  ~SupervisorImpl() override {
    // The keeper's death would do the same, a little later.
    for (auto& [id, attempt] : attempts_) {
      if (attempt->pidfd && keeper_.namespaces()) os::SendSignal(attempt->pidfd, SIGKILL);
    }
  }

  Result<void> Open() {
    auto lock = os::OpenLockFile(options_.data_dir + "/attempts.lock");
    if (!lock) return Fail(ErrorCode::kInternal, "The attempts' lock cannot be opened");
    lock_ = std::move(*lock);
    if (auto started = keeper_.Start(); !started) return started;
    tick_ = loop_.Every(kTick, [this] { Tick(); });
    last_tick_ = os::SystemClock().SteadyNow();
    return {};
  }

  void Start(AttemptSpec spec) override;
  void Stop(const AttemptRef& ref, StopReason reason, bool force) override;

  std::vector<AttemptRef> Live() const override {
    std::vector<AttemptRef> refs;
    for (const auto& [ref, id] : by_ref_) refs.push_back(ref);
    return refs;
  }
  bool IsLive(const AttemptRef& ref) const override { return by_ref_.contains(ref); }
  std::optional<Millis> Age(const AttemptRef& ref) const override {
    const RunningAttempt* attempt = Find(ref);
    if (!attempt) return std::nullopt;
    return std::chrono::duration_cast<Millis>(clock_.SteadyNow() - attempt->clocks.started());
  }
  std::vector<Watched> Watching() const override {
    std::vector<Watched> watched;
    os::Steady now = clock_.SteadyNow();
    for (const auto& [id, attempt] : attempts_) {
      if (attempt->ended) continue;
      const AttemptClocks& clocks = attempt->clocks;
      const AttemptLimits& limits = clocks.limits();
      auto left = [&](Millis limit, os::Steady since) {
        return Left{limit,
                    std::max(Millis{0}, std::chrono::duration_cast<Millis>(since + limit - now))};
      };
      watched.push_back({attempt->ref(), left(limits.timeout, clocks.started()),
                         left(limits.heartbeat, clocks.heard()),
                         left(limits.stall, clocks.progressed()), attempt->schedule.begun()});
    }
    return watched;
  }
  std::string Describe(const AttemptRef& ref) const override {
    const RunningAttempt* attempt = Find(ref);
    if (!attempt) return "No process was behind it.";
    if (attempt->ended) return "Its processes cannot be ended.";
    if (attempt->schedule.begun()) return "It was being stopped.";
    return attempt->clocks.Describe(clock_.SteadyNow());
  }
  void SetCollectorSettings(std::map<std::string, std::string> settings) override {
    settings_.clear();
    for (const auto& [name, value] : settings) settings_[name] = value;
  }
  void LeasesHoldUntil(os::Steady until) override {
    lease_end_ = until;
    keeper_.Send(GoodUntil{until.time_since_epoch().count()});
  }
  bool CanStart() const override {
    if (lease_end_ && os::SystemClock().SteadyNow() >= *lease_end_ - kKillBeforeLeaseEnd)
      return false;
    return keeper_.ready() && !keeper_.congested() && clock_.SteadyNow() >= refused_until_;
  }
  Figures figures() const override {
    Figures figures = figures_;
    figures.keeper_pid = keeper_.pid();
    return figures;
  }

 private:
  using Attempts = std::unordered_map<std::uint64_t, std::unique_ptr<RunningAttempt>>;

  void OnMessage(KeeperMessage message, os::Descriptor descriptor) override;
  void OnLost(std::uint32_t generation, const std::string& why) override;
  void OnReady(std::uint32_t) override {
    os::LogInfo("The keeper of the attempts is up again");
    if (lease_end_) LeasesHoldUntil(*lease_end_);
  }

  RunningAttempt* Find(std::uint64_t id) const {
    auto found = attempts_.find(id);
    return found == attempts_.end() ? nullptr : found->second.get();
  }
  RunningAttempt* Find(const AttemptRef& ref) const {
    auto found = by_ref_.find(ref);
    return found == by_ref_.end() ? nullptr : Find(found->second);
  }

  std::string InputOf(const AttemptSpec& spec) const;
  std::optional<NotStarted> Launch(RunningAttempt& attempt, AttemptSpec& spec);
  void RefuseLater(AttemptRef ref, bool builtin, NotStarted why);
  void BackOff();

  void Changed(std::uint64_t id);
  void HandOver(std::uint64_t id, bool all);
  void End(std::uint64_t id, ProcessEnd process, bool released, std::optional<Usage> usage);
  void Release(std::uint64_t id, const Usage& usage);
  void Forget(std::uint64_t id);

  void Tick();
  void CheckAll();
  void Check(std::uint64_t id);
  void RunSchedule(std::uint64_t id);
  void StopFor(RunningAttempt& attempt, StopReason reason, std::string detail, bool force);
  void Signal(RunningAttempt& attempt, int signal);
  void LookForProof();
  void Arm(os::Steady due);

  os::EventLoop& loop_;
  const os::Clock& clock_;
  SupervisorOptions options_;
  boost::json::object settings_;
  AttemptObserver& observer_;
  os::Descriptor lock_;
  Attempts attempts_;
  std::map<AttemptRef, std::uint64_t> by_ref_;
  std::uint64_t next_id_ = 0;
  Figures figures_;
  os::Steady refused_until_{};
  std::optional<os::Steady> lease_end_;
  Millis refusal_{0};
  os::Steady armed_ = os::Steady::max();
  os::Steady last_tick_{};
  os::EventLoop::Token tick_, due_, hand_over_, proof_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  KeeperLink keeper_;  // last: it may call back
};

// A built-in collector gets its settings with the job; a command the job alone.
std::string SupervisorImpl::InputOf(const AttemptSpec& spec) const {
  if (spec.collector == "command") return spec.job_json + "\n";
  return fmt::format("{{\"job\":{},\"settings\":{}}}\n", spec.job_json,
                     boost::json::serialize(settings_));
}

void SupervisorImpl::Start(AttemptSpec spec) {
  assert(!IsLive(spec.ref) && "an attempt number is never used twice");
  bool builtin = spec.collector != "command";
  if (!keeper_.ready()) {
    return RefuseLater(spec.ref, builtin, {"The keeper of the attempts is being restarted", true});
  }
  auto attempt = std::make_unique<RunningAttempt>(++next_id_, spec, clock_.SteadyNow());
  if (auto refused = Launch(*attempt, spec))
    return RefuseLater(spec.ref, builtin, std::move(*refused));
  Arm(attempt->clocks.Due());
  by_ref_[spec.ref] = attempt->id();
  attempts_.emplace(attempt->id(), std::move(attempt));
}

std::optional<NotStarted> SupervisorImpl::Launch(RunningAttempt& attempt, AttemptSpec& spec) {
  std::size_t size = 0;
  for (const std::string& word : spec.command) size += word.size();
  if (size > kMaxCommandBytes) return NotStarted{"The command is longer than 64 KiB", false};
  if (!attempt.builtin() && spec.command.empty()) return NotStarted{"The command is empty", false};
  auto theirs = attempt.Open(InputOf(spec));
  if (!theirs) {
    return NotStarted{fmt::format("No pipe can be made: {}", std::strerror(theirs.error())),
                      os::IsShortage(theirs.error())};
  }
  std::vector<std::string> command;
  if (!attempt.builtin()) command = std::move(spec.command);
  // It runs in a directory of its own: files named relative to ours are named in full.
  for (std::string& word : command) {
    std::error_code error;
    bool file = !word.starts_with('/') && !word.starts_with('-') &&
                std::filesystem::is_regular_file(word, error);
    if (file && (&word != &command.front() || word.find('/') != std::string::npos)) {
      word = std::filesystem::absolute(word, error).lexically_normal().string();
    }
  }
  try {
    std::uint64_t id = attempt.id();
    attempt.Watch(loop_, clock_, [this, id] { Changed(id); });
  } catch (const std::system_error& error) {  // no more watches: a limit of this user's
    return NotStarted{fmt::format("Its pipes cannot be watched: {}", error.what()), true};
  }
  attempt.generation = keeper_.generation();
  keeper_.Send(StartAttempt{attempt.id(), spec.ref.job_id, spec.ref.attempt, spec.collector,
                            std::move(command), spec.memory_bytes},
               std::move(*theirs));
  return std::nullopt;
}

// Never from within Start: its caller is not ready for an answer.
void SupervisorImpl::RefuseLater(AttemptRef ref, bool builtin, NotStarted why) {
  if (why.resources) BackOff();
  loop_.Post(
      [this, alive = std::weak_ptr(alive_), ref = std::move(ref), builtin, why = std::move(why)] {
        if (alive.expired()) return;
        AttemptEnd end;
        end.process = why;
        end.builtin = builtin;
        end.released = true;
        observer_.OnEnded(ref, end);
      });
}

void SupervisorImpl::BackOff() {
  refusal_ = std::clamp(refusal_ * 2, kFirstRefusal, kLastRefusal);
  refused_until_ = clock_.SteadyNow() + refusal_;
}

void SupervisorImpl::OnMessage(KeeperMessage message, os::Descriptor descriptor) {
  if (auto* started = std::get_if<AttemptStarted>(&message)) {
    RunningAttempt* attempt = Find(started->id);
    if (!attempt) return;
    attempt->pidfd = std::move(descriptor);
    attempt->pid = started->pid;
    refusal_ = {};
    ++figures_.started;
    observer_.OnStarted(AttemptRef(attempt->ref()), started->pid);
  } else if (auto* refused = std::get_if<AttemptNotStarted>(&message)) {
    if (!Find(refused->id)) return;
    if (refused->resources) BackOff();
    End(refused->id, NotStarted{refused->reason, refused->resources}, true, Usage{});
  } else if (auto* ended = std::get_if<AttemptEnded>(&message)) {
    RunningAttempt* attempt = Find(ended->id);
    if (!attempt) return;
    if (attempt->ended && ended->released) return Release(ended->id, ended->usage);
    if (attempt->ended) return;
    if (ended->lease_lost && attempt->stop == StopReason::kNone)
      attempt->stop = StopReason::kLeaseLost;
    End(ended->id, EndOf(ended->status), ended->released, ended->usage);
  } else if (auto* released = std::get_if<AttemptReleased>(&message)) {
    Release(released->id, released->usage);
  } else if (auto* exceeded = std::get_if<MemoryExceeded>(&message)) {
    RunningAttempt* attempt = Find(exceeded->id);
    if (attempt && !attempt->ended) {
      StopFor(*attempt, StopReason::kMemory, "limit " + BytesWords(attempt->memory_bytes()), true);
    }
  }
}

void SupervisorImpl::OnLost(std::uint32_t, const std::string& why) {
  os::LogWarning(fmt::format("The keeper of the attempts was lost: {}", why));
  ++figures_.keeper_restarts;
  os::Steady now = clock_.SteadyNow();
  for (auto& [id, attempt] : attempts_) {
    attempt->keeper_lost = true;
    attempt->schedule.Begin(now, {}, true);
    Arm(now);
  }
  if (!attempts_.empty()) proof_ = loop_.Every(kLookForProof, [this] { LookForProof(); });
  observer_.OnKeeperRestarted(why);
}

// Attempts of a dead keeper: their first process died with it, and the kernel empties its
// namespace. The pidfd says when; for one that was just being started, the lock that every first
// process holds.
void SupervisorImpl::LookForProof() {
  std::vector<std::uint64_t> proven;
  bool waiting = false;
  for (auto& [id, attempt] : attempts_) {
    if (!attempt->keeper_lost) continue;
    waiting = true;
    bool empty =
        attempt->pidfd ? os::HasEnded(attempt->pidfd) : !os::IsLocked(lock_, attempt->generation);
    if (empty) proven.push_back(id);
  }
  for (std::uint64_t id : proven) {
    RunningAttempt* attempt = Find(id);
    if (!attempt) continue;
    attempt->ended ? Release(id, {}) : End(id, KeeperLost{}, true, std::nullopt);
  }
  if (!waiting) proof_.reset();
}

void SupervisorImpl::Stop(const AttemptRef& ref, StopReason reason, bool force) {
  RunningAttempt* attempt = Find(ref);
  if (attempt && !attempt->ended) StopFor(*attempt, reason, "", force);
}

void SupervisorImpl::StopFor(RunningAttempt& attempt, StopReason reason, std::string detail,
                             bool force) {
  os::Steady now = clock_.SteadyNow();
  if (attempt.stop == StopReason::kNone) {
    attempt.stop = reason;
    attempt.stop_detail = std::move(detail);
  }
  attempt.schedule.Begin(now, attempt.grace(), force);
  RunSchedule(attempt.id());
}

void SupervisorImpl::RunSchedule(std::uint64_t id) {
  os::Steady now = clock_.SteadyNow();
  while (RunningAttempt* attempt = Find(id)) {
    switch (attempt->schedule.Next(now)) {
      case StopSchedule::Step::kNothing:
        if (auto due = attempt->schedule.Due()) Arm(*due);
        return;
      case StopSchedule::Step::kTerminate:
        Signal(*attempt, kStopSignal);
        break;
      case StopSchedule::Step::kKill:
        ++figures_.killed;
        Signal(*attempt, kKillSignal);
        break;
      case StopSchedule::Step::kDestroy:
        if (keeper_.namespaces()) {
          Signal(*attempt, SIGKILL);
        } else {  // SIGKILL would orphan the rest; it may be stopped
          Signal(*attempt, SIGCONT);
          Signal(*attempt, kKillSignal);
        }
        break;
      case StopSchedule::Step::kUnproven:
        if (attempt->keeper_lost && !attempt->ended)
          End(id, KeeperLost{}, false, std::nullopt);
        else if (!attempt->ended)
          End(id, Signaled{SIGKILL}, false, std::nullopt);
        break;
      case StopSchedule::Step::kQuarantine:
        ++figures_.quarantined;
        observer_.OnQuarantined(AttemptRef(attempt->ref()));
        break;
    }
  }
}

void SupervisorImpl::Signal(RunningAttempt& attempt, int signal) {
  if (attempt.pidfd) {
    os::SendSignal(attempt.pidfd, signal);
  } else if (!attempt.keeper_lost) {
    keeper_.Send(SignalAttempt{attempt.id(), signal});
  }
}

void SupervisorImpl::Changed(std::uint64_t id) {
  RunningAttempt* attempt = Find(id);
  if (!attempt || !attempt->HasAnything()) return;
  if (attempt->HasPlenty()) return HandOver(id, false);
  if (hand_over_) return;
  hand_over_ = loop_.After(kHandOver, [this] {
    hand_over_.reset();
    std::vector<std::uint64_t> ids;
    for (auto& [each, waiting] : attempts_) {
      if (waiting->HasAnything()) ids.push_back(each);
    }
    for (std::uint64_t each : ids) {
      HandOver(each, false);
      Changed(each);  // output over this second's bound waits on
    }
  });
}

void SupervisorImpl::HandOver(std::uint64_t id, bool all) {
  RunningAttempt* attempt = Find(id);
  if (!attempt) return;
  std::vector<Event> events = attempt->TakeEvents(clock_.SteadyNow(), all);
  if (!events.empty() && !attempt->ended)
    observer_.OnEvents(AttemptRef(attempt->ref()), std::move(events));
}

void SupervisorImpl::End(std::uint64_t id, ProcessEnd process, bool released,
                         std::optional<Usage> usage) {
  RunningAttempt* attempt = Find(id);
  if (!attempt) return;
  os::Steady now = clock_.SteadyNow();
  attempt->Drain(now);
  attempt->Close();
  HandOver(id, true);
  attempt = Find(id);
  if (!attempt || attempt->ended) return;
  AttemptEnd end;
  end.process = std::move(process);
  end.stop = attempt->stop;
  end.builtin = attempt->builtin();
  end.result = attempt->result();
  end.released = released;
  if (released) end.usage = usage;
  end.snapshot = std::move(attempt->snapshot);
  end.stop_detail = attempt->stop_detail;
  AttemptRef ref = attempt->ref();
  attempt->ended = true;
  if (released) {
    Forget(id);
  } else {
    attempt->schedule.Begin(now, {}, true);
    Arm(now);
  }
  observer_.OnEnded(ref, end);
}

void SupervisorImpl::Release(std::uint64_t id, const Usage& usage) {
  RunningAttempt* attempt = Find(id);
  if (!attempt) return;
  AttemptRef ref = attempt->ref();
  Forget(id);
  observer_.OnReleased(ref, usage);
}

void SupervisorImpl::Forget(std::uint64_t id) {
  auto found = attempts_.find(id);
  by_ref_.erase(found->second->ref());
  attempts_.erase(found);
}

void SupervisorImpl::Tick() {
  os::Steady now = os::SystemClock().SteadyNow();
  auto pause = now - last_tick_ - kTick;
  last_tick_ = now;
  for (auto& [id, attempt] : attempts_) {
    if (pause > kPause) attempt->clocks.Forgive(pause);
    attempt->Refill();
  }
  keeper_.Tick();
  CheckAll();
}

void SupervisorImpl::CheckAll() {
  armed_ = os::Steady::max();
  std::vector<std::uint64_t> ids;
  for (auto& [id, attempt] : attempts_) ids.push_back(id);
  for (std::uint64_t id : ids) Check(id);
}

void SupervisorImpl::Check(std::uint64_t id) {
  RunningAttempt* attempt = Find(id);
  if (!attempt) return;
  if (attempt->schedule.begun()) return RunSchedule(id);
  os::Steady now = clock_.SteadyNow();
  // What waits in the pipe was said in time: our being late is not the attempt's silence.
  if (attempt->clocks.Check(now) != StopReason::kNone) attempt->Drain(now);
  StopReason reason = attempt->clocks.Check(now);
  if (reason == StopReason::kNone) return Arm(attempt->clocks.Due());
  attempt->snapshot = TakeSnapshot(attempt->pid, attempt->clocks, now);
  StopFor(*attempt, reason, attempt->clocks.Explain(reason, now), false);
}

// One timer for the nearest deadline. Deadlines that moved away are found out when it fires.
void SupervisorImpl::Arm(os::Steady due) {
  if (due >= armed_) return;
  armed_ = due;
  due_ = loop_.After(std::chrono::duration_cast<Millis>(due - clock_.SteadyNow()),
                     [this] { CheckAll(); });
}

}  // namespace

Result<std::unique_ptr<Supervisor>> Supervisor::Make(os::EventLoop& loop, const os::Clock& clock,
                                                     SupervisorOptions options,
                                                     AttemptObserver& observer) {
  std::error_code error;
  auto canonical = std::filesystem::canonical(options.data_dir, error);
  if (error)
    return Fail(ErrorCode::kInvalid,
                fmt::format("The data directory cannot be used: {}", error.message()));
  options.data_dir = canonical.string();
  if (!os::IsRoot()) options.run_as.clear();
  if (!options.run_as.empty()) {
    if (!os::FindUser(options.run_as)) {
      return Fail(ErrorCode::kInvalid,
                  fmt::format("run_as: there is no user \"{}\"", options.run_as));
    }
    // That user must be able to reach its scratch directory, and nothing else in here.
    chmod(options.data_dir.c_str(), 0711);
  }
  os::IgnoreBrokenPipes();
  os::RaiseOpenFiles();
  if (auto cleared = ClearLeftovers(options.data_dir, kLeftoverLimit); !cleared) {
    return std::unexpected(cleared.error());
  }
  auto supervisor = std::make_unique<SupervisorImpl>(loop, clock, std::move(options), observer);
  if (auto opened = supervisor->Open(); !opened) return std::unexpected(opened.error());
  return supervisor;
}

}  // namespace forager::supervisor
