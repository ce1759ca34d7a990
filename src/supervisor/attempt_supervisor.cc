#include "supervisor/attempt_supervisor.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <cassert>
#include <cstring>

#include "os/child_process.h"
#include "os/lock_file.h"
#include "os/log.h"
#include "os/sandbox.h"
#include "supervisor/attempt_start.h"

namespace forager::supervisor {
namespace {

constexpr Millis kHandOver{100};
constexpr Millis kLookForProof{10};

ProcessEnd EndOf(int status) {
  if (WIFSIGNALED(status)) return Signaled{WTERMSIG(status)};
  return Exited{WEXITSTATUS(status)};
}

std::string BytesWords(std::int64_t bytes) {
  if (bytes % (1LL << 30) == 0) return fmt::format("{} GiB", bytes >> 30);
  return fmt::format("{} MiB", bytes >> 20);
}

// Why it is stopped that exceeded a limit, and the detail of that.
std::pair<StopReason, std::string> StopOf(Limit limit, const TreeLimits& limits) {
  switch (limit) {
    case Limit::kMemory:
      return {StopReason::kMemory, "limit " + BytesWords(limits.memory_bytes)};
    case Limit::kProcesses:
      return {StopReason::kProcesses, fmt::format("More than {} processes", limits.max_processes)};
    case Limit::kThreads:
      return {StopReason::kProcesses,
              fmt::format("More than {} threads", limits.max_processes * kThreadsPerProcess)};
    case Limit::kScratch:
      break;
  }
  return {StopReason::kScratch, fmt::format("Wrote more than {} to its scratch directory",
                                            BytesWords(limits.scratch_bytes))};
}

}  // namespace

AttemptSupervisor::AttemptSupervisor(os::EventLoop& loop, const os::Clock& clock,
                                     SupervisorOptions options, AttemptObserver& observer)
    : loop_(loop),
      clock_(clock),
      options_(std::move(options)),
      observer_(observer),
      refused_paths_(options_.data_dir, options_.run_as),
      keeper_(loop,
              {options_.data_dir, options_.run_as, options_.keeper_argv, options_.umask,
               options_.files},
              *this) {
  refused_paths_.Hide(options_.files);
  SetCollectorSettings(options_.collector_settings);
}

AttemptSupervisor::~AttemptSupervisor() {
  // The keeper's death would do the same, a little later.
  for (auto& [id, attempt] : attempts_) {
    if (attempt->pidfd && keeper_.namespaces()) os::SendSignal(attempt->pidfd, SIGKILL);
  }
}

Result<void> AttemptSupervisor::Open() {
  auto lock = os::OpenLockFile(options_.data_dir + "/attempts.lock");
  if (!lock) return Fail(ErrorCode::kInternal, "The attempts' lock cannot be opened");
  lock_ = std::move(*lock);
  if (auto started = keeper_.Start(); !started) return started;
  descriptors_ = DescriptorsForAttempts(static_cast<std::int64_t>(os::RaiseOpenFiles()),
                                        options_.max_connections);
  tick_ = loop_.Every(kTick, [this] { Tick(); });
  last_tick_ = os::SystemClock().SteadyNow();
  return {};
}

std::optional<Millis> AttemptSupervisor::Age(const AttemptRef& ref) const {
  const RunningAttempt* attempt = attempts_.Find(ref);
  if (!attempt) return std::nullopt;
  return std::chrono::duration_cast<Millis>(clock_.SteadyNow() - attempt->clocks.started());
}

void AttemptSupervisor::SetCollectorSettings(std::map<std::string, std::string> settings) {
  settings_json_ = SettingsJson(settings);
}

void AttemptSupervisor::SetProtectedFiles(os::ProtectedFiles files) {
  options_.files = files;
  refused_paths_.Hide(files);
  keeper_.Protect(std::move(files));
}

void AttemptSupervisor::LeasesHoldUntil(os::Steady until) {
  lease_end_ = until;
  keeper_.Send(GoodUntil{until.time_since_epoch().count()});
}

void AttemptSupervisor::ForgetState(const std::string& job_id) {
  keeper_.Send(supervisor::ForgetState{job_id});
}

bool AttemptSupervisor::CanStart() const {
  if (lease_end_ && os::SystemClock().SteadyNow() >= *lease_end_ - kKillBeforeLeaseEnd)
    return false;
  return keeper_.ready() && gate_.Room(attempts_.size(), clock_.SteadyNow()) > 0 &&
         DescriptorRoom() > 0;
}

int AttemptSupervisor::Room() const {
  if (!CanStart() || keeper_.congested()) return 0;
  // Those under way first: their clocks run while a busy machine starts them.
  int starting = attempts_.size() - running_;
  int room = std::min(gate_.Room(attempts_.size(), clock_.SteadyNow()), DescriptorRoom());
  return std::clamp(StartGate::kWide - starting, 0, room);
}

int AttemptSupervisor::DescriptorRoom() const {
  std::int64_t left = descriptors_ - attempts_.descriptors();
  return static_cast<int>(
      std::clamp<std::int64_t>(left / kDescriptorsOfBuiltin, 0, StartGate::kWide));
}

Supervisor::Figures AttemptSupervisor::figures() const {
  Figures figures = figures_;
  figures.keeper_pid = keeper_.pid();
  return figures;
}

std::string AttemptSupervisor::Shortage() const {
  if (DescriptorRoom() == 0)
    return fmt::format("{} attempts run: {}", running_, os::ErrorWords(EMFILE));
  return gate_.Shortage(clock_.SteadyNow());
}

void AttemptSupervisor::Start(AttemptSpec spec) {
  assert(!IsLive(spec.ref) && "an attempt number is never used twice");
  bool builtin = spec.collector != "command";
  if (!keeper_.ready()) {
    return RefuseLater(spec.ref, builtin, {"The keeper of the attempts is being restarted", true});
  }
  auto attempt = std::make_unique<RunningAttempt>(++next_id_, spec, clock_.SteadyNow());
  if (auto refused = Launch(*attempt, spec)) {
    Refused(attempt->id(), *refused);
    return RefuseLater(spec.ref, builtin, std::move(*refused));
  }
  LookAt(attempt->id(), attempt->clocks.Due());
  attempts_.Add(std::move(attempt));
}

std::optional<NotStarted> AttemptSupervisor::Launch(RunningAttempt& attempt,
                                                    const AttemptSpec& spec) {
  if (!MayNameFiles(spec.ref.job_id)) {
    return NotStarted{
        "The job's id is not one that this server made: it may have letters, digits, -, _ and . "
        "only, since it names files. Make the job again",
        false};
  }
  auto words = WordsOf(spec);
  if (!words) return std::move(words.error());
  if (words->without_job)
    attempt.Note(LogLevel::kWarning,
                 "The job is longer than an environment may be: FORAGER_JOB is not set, and the "
                 "job stands on standard input alone");
  for (const std::string& word : words->command) {
    if (attempt.refused.empty()) attempt.refused = refused_paths_.OfWord(word, spec.directory).value_or("");
  }
  auto theirs = attempt.Open(InputOf(spec, settings_json_));
  if (!theirs) {
    return NotStarted{fmt::format("No pipe can be made: {}", os::ErrorWords(theirs.error())),
                      os::IsShortage(theirs.error())};
  }
  try {
    std::uint64_t id = attempt.id();
    attempt.Watch(loop_, clock_, [this, id] { Changed(id); });
  } catch (const std::system_error& error) {  // no more watches: a limit of this user's
    return NotStarted{fmt::format("Its pipes cannot be watched: {}", error.what()), true};
  }
  attempt.generation = keeper_.generation();
  keeper_.Send(StartAttempt{attempt.id(), spec.ref.job_id, spec.ref.attempt, spec.collector,
                            std::move(words->command), spec.directory,
                            std::move(words->environment), spec.limits},
               std::move(*theirs));
  return std::nullopt;
}

// Never from within Start: its caller is not ready for an answer.
void AttemptSupervisor::RefuseLater(AttemptRef ref, bool builtin, NotStarted why) {
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

void AttemptSupervisor::Refused(std::uint64_t id, const NotStarted& why) {
  if (why.resources) gate_.Refused(id, next_id_, running_, why.reason, clock_.SteadyNow());
}

void AttemptSupervisor::OnMessage(KeeperMessage message, os::Descriptor descriptor) {
  if (auto* started = std::get_if<AttemptStarted>(&message)) {
    RunningAttempt* attempt = attempts_.Find(started->id);
    if (!attempt) return;
    attempt->pidfd = std::move(descriptor);
    attempt->pid = started->pid;
    attempt->begun = true;
    attempt->clocks.Begun(clock_.SteadyNow());
    gate_.Started(started->id, ++running_);
    ++figures_.started;
    observer_.OnStarted(AttemptRef(attempt->ref()), started->pid);
    if (RunningAttempt* begun = attempts_.Find(started->id)) SayRefused(*begun);
  } else if (auto* refused = std::get_if<AttemptNotStarted>(&message)) {
    const RunningAttempt* attempt = attempts_.Find(refused->id);
    if (!attempt) return;
    bool told = !refused->resources && !attempt->refused.empty();
    NotStarted why{told ? refused->reason + "; " + attempt->refused : refused->reason,
                   refused->resources, refused->machine};
    Refused(refused->id, why);
    End(refused->id, std::move(why), true, Usage{});
  } else if (auto* ended = std::get_if<AttemptEnded>(&message)) {
    RunningAttempt* attempt = attempts_.Find(ended->id);
    if (!attempt) return;
    if (attempt->ended && ended->released) return Release(ended->id, ended->usage);
    if (attempt->ended) return;
    if (ended->lease_lost && attempt->stop == StopReason::kNone)
      attempt->stop = StopReason::kLeaseLost;
    End(ended->id, EndOf(ended->status), ended->released, ended->usage);
  } else if (auto* released = std::get_if<AttemptReleased>(&message)) {
    Release(released->id, released->usage);
  } else if (auto* exceeded = std::get_if<LimitExceeded>(&message)) {
    RunningAttempt* attempt = attempts_.Find(exceeded->id);
    if (!attempt || attempt->ended) return;
    auto [reason, detail] = StopOf(static_cast<Limit>(exceeded->limit), attempt->limits());
    StopFor(*attempt, reason, std::move(detail), true);
  }
}

void AttemptSupervisor::OnLost(std::uint32_t, const std::string& why) {
  os::LogWarning(fmt::format("The keeper of the attempts was lost: {}", why));
  ++figures_.keeper_restarts;
  os::Steady now = clock_.SteadyNow();
  for (auto& [id, attempt] : attempts_) {
    attempt->keeper_lost = true;
    attempt->schedule.Begin(now, {}, true);
    LookAt(id, now);
  }
  if (!attempts_.empty()) proof_ = loop_.Every(kLookForProof, [this] { LookForProof(); });
  observer_.OnKeeperRestarted(why);
}

// Attempts of a dead keeper: their first process died with it, and the kernel empties its
// namespace. The pidfd says when; for one that was just being started, the lock that every first
// process holds.
void AttemptSupervisor::LookForProof() {
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
    RunningAttempt* attempt = attempts_.Find(id);
    if (!attempt) continue;
    attempt->ended ? Release(id, {}) : End(id, KeeperLost{}, true, std::nullopt);
  }
  if (!waiting) proof_.reset();
}

void AttemptSupervisor::OnReady(std::uint32_t) {
  os::LogInfo("The keeper of the attempts is up again");
  if (lease_end_) LeasesHoldUntil(*lease_end_);
}

void AttemptSupervisor::Changed(std::uint64_t id) {
  AskForTurn(id);
  RunningAttempt* attempt = attempts_.Find(id);
  if (!attempt) return;
  LookAt(id, attempt->end_due().value_or(attempt->clocks.Due()));
  if (!attempt->HasAnything()) return;
  if (attempt->HasPlenty()) return HandOver(id, false);
  if (!std::exchange(attempt->waits, true)) waiting_.push_back(id);
  if (!hand_over_) hand_over_ = loop_.After(kHandOver, [this] { HandOverAll(); });
}

void AttemptSupervisor::HandOverAll() {
  hand_over_.reset();
  for (std::uint64_t id : std::exchange(waiting_, {})) {
    RunningAttempt* attempt = attempts_.Find(id);
    if (!attempt) continue;
    attempt->waits = false;
    HandOver(id, false);
    Changed(id);  // output over this second's bound waits on
  }
}

void AttemptSupervisor::AskForTurn(std::uint64_t id) {
  RunningAttempt* attempt = attempts_.Find(id);
  if (!attempt || attempt->ended) return;
  auto question = attempt->TakeQuestion();
  if (!question || attempt->schedule.begun()) return;
  const AttemptClocks& clocks = attempt->clocks;
  observer_.OnTurnAsked(
      AttemptRef(attempt->ref()),
      {std::move(*question), clocks.started() + clocks.limits().timeout, !attempt->had_turn()});
}

void AttemptSupervisor::Answer(const AttemptRef& ref, const TurnAnswer& answer) {
  RunningAttempt* attempt = attempts_.Find(ref);
  if (!attempt || attempt->ended || attempt->schedule.begun()) return;
  attempt->Answer(answer, clock_.SteadyNow());
  LookAt(attempt->id(), attempt->clocks.Due());
}

// Once an attempt: what the sandbox refuses it, and why.
void AttemptSupervisor::SayRefused(const RunningAttempt& attempt) {
  if (attempt.refused.empty()) return;
  LogEvent log;
  log.level = LogLevel::kWarning;
  log.stage = "sandbox";
  log.message = attempt.refused;
  log.message[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(log.message[0])));
  observer_.OnEvents(AttemptRef(attempt.ref()), {std::move(log)});
}

void AttemptSupervisor::HandOver(std::uint64_t id, bool all) {
  RunningAttempt* attempt = attempts_.Find(id);
  if (!attempt) return;
  std::vector<Event> events = attempt->TakeEvents(clock_.SteadyNow(), all);
  if (auto lost = attempt->TakeLost(); !lost.empty() && !attempt->ended)
    observer_.OnLost(AttemptRef(attempt->ref()), lost);
  if (events.empty() || attempt->ended) return;
  bool first = false;
  for (const Event& event : events) {
    const auto* log = std::get_if<LogEvent>(&event);
    if (!log || attempt->builtin() || !attempt->refused.empty()) continue;
    attempt->refused = refused_paths_.OfLine(log->message, attempt->directory()).value_or("");
    first = !attempt->refused.empty();
  }
  observer_.OnEvents(AttemptRef(attempt->ref()), std::move(events));
  attempt = attempts_.Find(id);
  if (first && attempt) SayRefused(*attempt);
}

void AttemptSupervisor::End(std::uint64_t id, ProcessEnd process, bool released,
                            std::optional<Usage> usage) {
  RunningAttempt* attempt = attempts_.Find(id);
  if (!attempt) return;
  os::Steady now = clock_.SteadyNow();
  attempt->Drain(now);
  attempt->Close(now);
  HandOver(id, true);
  attempt = attempts_.Find(id);
  if (!attempt || attempt->ended) return;
  AttemptEnd end;
  end.process = std::move(process);
  end.stop = attempt->stop;
  end.builtin = attempt->builtin();
  end.result = attempt->result();
  end.no_turn = attempt->no_turn();
  end.released = released;
  if (released) end.usage = usage;
  end.snapshot = std::move(attempt->snapshot);
  end.stop_detail = attempt->stop_detail;
  // Who was killed by a signal knew nothing of it, but for abort().
  const auto* killed = std::get_if<Signaled>(&end.process);
  if (!killed || killed->signal == SIGABRT || attempt->last_words().is_error())
    end.last_words = attempt->last_words().text();
  end.out_of_memory = attempt->last_words().out_of_memory();
  AttemptRef ref = attempt->ref();
  attempt->ended = true;
  if (released) {
    Remove(id);
  } else {
    attempt->schedule.Begin(now, {}, true);
    LookAt(id, now);
  }
  observer_.OnEnded(ref, end);
}

void AttemptSupervisor::Release(std::uint64_t id, const Usage& usage) {
  RunningAttempt* attempt = attempts_.Find(id);
  if (!attempt) return;
  AttemptRef ref = attempt->ref();
  Remove(id);
  observer_.OnReleased(ref, usage);
}

void AttemptSupervisor::Remove(std::uint64_t id) {
  if (RunningAttempt* attempt = attempts_.Find(id); attempt && attempt->begun) --running_;
  looks_.Forget(id);
  look_.Forget(id);
  attempts_.Remove(id);
}

}  // namespace forager::supervisor
