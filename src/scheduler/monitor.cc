#include "scheduler/monitor.h"

#include <fmt/format.h>

#include "os/log.h"
#include "scheduler/running_rows.h"

namespace forager::scheduler {
namespace {

constexpr Millis kProofWait{2'000};
constexpr Millis kProofPoll{20};
constexpr Millis kRemotePoll{100};
constexpr Millis kCensusSlack{5'000};
constexpr Millis kTrust{60'000};        // in another server's clocks
constexpr Millis kForgotten{10'000};    // a claim is followed by its start within
constexpr Millis kCensusTrust{30'000};  // an older count says nothing of now
constexpr std::size_t kGivenBackAtOnce = 500;
constexpr std::size_t kMaxRecent = 20;
constexpr std::string_view kByMonitor = "monitor", kByRequest = "request";
constexpr std::string_view kNothing = "no_process", kEnded = "process_ended",
                           kAlive = "process_alive";

std::string Every(Millis interval) {
  if (interval.count() % 60'000 == 0) return fmt::format("{} minutes", interval.count() / 60'000);
  return fmt::format("{} seconds", static_cast<double>(interval.count()) / 1'000.0);
}

}  // namespace

Monitor::Monitor(os::EventLoop& loop, const os::Clock& clock, StoreCalls& calls,
                 supervisor::Supervisor& supervisor, Recorder& recorder,
                 std::function<const Policy&()> policy)
    : loop_(loop),
      clock_(clock),
      calls_(calls),
      supervisor_(supervisor),
      recorder_(recorder),
      policy_(std::move(policy)),
      born_(clock.SteadyNow()) {
  for (std::string_view by : {kByMonitor, kByRequest}) {
    for (std::string_view reason : {kNothing, kEnded, kAlive}) resets_[{by, reason}] = 0;
  }
}

void Monitor::Start(Millis interval, std::function<void()> changed) {
  interval_ = interval;
  changed_ = std::move(changed);
  status_.next_run = clock_.Now() + interval;
  timer_ = loop_.Every(interval, [this] { RunOnce(); });
  os::LogInfo(fmt::format("🔍 Started background job monitor (checks every {})", Every(interval)));
}

void Monitor::RunOnce() {
  status_.last_run = clock_.Now();
  if (interval_ > Millis{0}) status_.next_run = *status_.last_run + interval_;
  WalkOverdue(std::nullopt, [this](Result<std::vector<Overdue>> overdue) {
    if (!overdue) return Finished(std::unexpected(overdue.error()));
    if (overdue->empty()) return Finished(ResetJobs{});
    os::LogWarning(fmt::format("🔧 Found {} stuck job(s), marking as failed", overdue->size()));
    ResetOverdue(std::move(*overdue), kByMonitor, false,
                 [this](auto reset) { Finished(std::move(reset)); });
  });
}

void Monitor::WalkOverdue(std::optional<Millis> literal,
                          std::function<void(Result<std::vector<Overdue>>)> then) {
  auto overdue = std::make_shared<std::vector<Overdue>>();
  WalkRunning(
      calls_, clock_,
      [this, literal, overdue](const auto& rows) { FindOverdue(rows, literal, *overdue); },
      [overdue, then = std::move(then)](Result<void> walked) {
        if (!walked) return then(std::unexpected(walked.error()));
        then(std::move(*overdue));
      });
}

void Monitor::Finished(Result<ResetJobs> reset) {
  if (!reset) {
    status_.last_error = reset.error().detail;
    os::LogError("❌ Job monitor error: " + reset.error().detail);
  } else {
    status_.last_error.reset();
    if (!reset->unstored.empty()) status_.last_error = reset->unstored;
    status_.reset_last = std::ssize(reset->job_ids);
    status_.reset_total += status_.reset_last;
    if (!reset->job_ids.empty())
      os::LogInfo(fmt::format("✅ Reset {} stuck job(s)", reset->job_ids.size()));
  }
  if (changed_) changed_();
}

void Monitor::Reset(Millis timeout, bool requeue, Done done) {
  WalkOverdue(timeout, [this, requeue,
                        done = std::move(done)](Result<std::vector<Overdue>> overdue) {
    if (!overdue) return done(std::unexpected(overdue.error()));
    if (overdue->empty()) return done(ResetJobs{});
    os::LogWarning(fmt::format("🔧 Found {} stuck job(s), {}", overdue->size(),
                               requeue ? "putting back to pending" : "marking as failed"));
    ResetOverdue(std::move(*overdue), kByRequest, requeue, [this, done](Result<ResetJobs> reset) {
      if (reset && !reset->job_ids.empty())
        os::LogInfo(fmt::format("✅ Reset {} stuck job(s)", reset->job_ids.size()));
      if (reset) status_.reset_total += std::ssize(reset->job_ids);
      done(std::move(reset));
    });
  });
}

// A live attempt's age is the steady clock's; only a row whose started_at is not its attempt's is
// measured by the wall clock.
Millis Monitor::AgeOf(const store::RunningJob& running) const {
  if (running.started_at && running.attempt_started_at == running.started_at) {
    if (auto age = supervisor_.Age(running.ref)) return *age;
  }
  WallTime now = clock_.Now();
  bool readable = running.started_at && *running.started_at <= now;
  return now - (readable ? *running.started_at : running.updated_at);
}

// Another server watches its clocks; once its lease has run out it is taken over, not reset.
bool Monitor::Elsewhere(const store::RunningJob& running) const {
  const Policy& policy = policy_();
  return policy.shared && running.has_open_attempt && running.node && *running.node != policy.node;
}

bool Monitor::Unattended(const store::RunningJob& running) const {
  bool held_elsewhere = Elsewhere(running) && running.leased;
  return !held_elsewhere && !supervisor_.IsLive(running.ref) && !recorder_.Owns(running.ref);
}

Monitor::Found Monitor::Describe(const store::RunningJob& running) const {
  if (supervisor_.IsLive(running.ref)) return {kAlive, supervisor_.Describe(running.ref)};
  if (recorder_.Owns(running.ref)) return {kEnded, "Its process had ended."};
  if (Elsewhere(running))
    return {kAlive, fmt::format("It was running on server {}.", *running.node)};
  return {kNothing, "No process was behind it."};
}

void Monitor::FindOverdue(const std::vector<store::RunningJob>& rows, std::optional<Millis> literal,
                          std::vector<Overdue>& overdue) const {
  for (const store::RunningJob& running : rows) {
    Millis limit = literal.value_or(policy_().TimeoutOf(running));
    // What the other server should have done by then.
    bool trusted = !literal && Elsewhere(running);
    const TypeSettings& type = policy_().types->Get(running.entity_type);
    if (AgeOf(running) < limit + (trusted ? type.grace + kTrust : Millis{0})) continue;
    Found found = Describe(running);
    std::string message = fmt::format("Job timed out after running for more than {} minutes. {}",
                                      FormatMinutes(limit), found.words);
    overdue.push_back({running.ref, std::move(message), found.reason, Elsewhere(running)});
  }
}

void Monitor::ResetOverdue(std::vector<Overdue> overdue, std::string_view by, bool requeue,
                           Done done) {
  auto rows = std::make_shared<std::vector<Overdue>>(std::move(overdue));
  WallTime now = clock_.Now();
  using Refs = std::vector<AttemptRef>;
  calls_.Write<Refs>(
      [rows, by, requeue, now, in_reset = in_reset_](store::Store& store) -> Result<Refs> {
        std::vector<store::ResetOrder> orders;
        for (const Overdue& row : *rows) orders.push_back({row.ref, row.message});
        auto reset = store.ResetAll(orders, requeue, now);
        if (!reset) return reset;
        std::vector<std::string> ids;
        for (const AttemptRef& ref : *reset) ids.push_back(ref.job_id);
        if (in_reset && !ids.empty()) {
          if (auto told = in_reset(store, ids, by == kByMonitor, now); !told)
            return std::unexpected(told.error());
        }
        return reset;
      },
      [this, rows, by, requeue, now, done = std::move(done)](Result<Refs> reset) {
        if (!reset) return KillUnstored(*rows, by, requeue, reset.error(), done);
        std::map<AttemptRef, const Overdue*> found;
        for (const Overdue& row : *rows) found[row.ref] = &row;
        std::vector<std::string> ids;
        std::vector<AttemptRef> remote;
        for (const AttemptRef& ref : *reset) {
          ids.push_back(ref.job_id);
          status_.recent.emplace_front(ref.job_id, now);
          if (status_.recent.size() > kMaxRecent) status_.recent.pop_back();
          supervisor_.Stop(ref, StopReason::kReset, true);
          const Overdue* row = found.at(ref);
          ++resets_[{by, row->reason}];
          if (row->elsewhere) remote.push_back(ref);
          if (requeue) continue;
          os::LogError(fmt::format("❌ Background job {} failed: {}", ref.job_id, row->message));
          os::LogError(fmt::format("🔧 Marked job {} as failed in database", ref.job_id));
        }
        os::Steady until = clock_.SteadyNow() + kProofWait;
        AwaitDeath(std::move(*reset), until, [this, remote, until, done, ids] {
          AwaitRelease(remote, until, [done, ids] { done(ResetJobs{ids, ""}); });
        });
      });
}

// A kill needs no commit: the rows follow with the ends of the attempts.
void Monitor::KillUnstored(const std::vector<Overdue>& overdue, std::string_view by, bool requeue,
                           const Error& error, const Done& done) {
  ResetJobs killed{{}, error.detail};
  for (const Overdue& row : overdue) {
    bool ours = error.code == ErrorCode::kUnavailable && supervisor_.IsLive(row.ref) &&
                recorder_.ResetAtEnd({row.ref, row.message}, requeue);
    if (!ours) continue;
    supervisor_.Stop(row.ref, StopReason::kReset, true);
    killed.job_ids.push_back(row.ref.job_id);
    ++resets_[{by, row.reason}];
  }
  if (killed.job_ids.empty()) return done(std::unexpected(error));
  os::LogError(fmt::format("🔧 Killed {} stuck job(s), which cannot be stored yet: {}",
                           killed.job_ids.size(), error.detail));
  done(std::move(killed));
}

// Proof of death on another server is on the attempt's row.
void Monitor::AwaitRelease(std::vector<AttemptRef> killed, os::Steady until,
                           std::function<void()> done) {
  if (killed.empty() || clock_.SteadyNow() >= until) return done();
  calls_.Read<std::vector<AttemptRef>>(
      [killed](store::Store& store) { return store.UnreleasedOf(killed); },
      [this, killed, until, done = std::move(done)](Result<std::vector<AttemptRef>> held) mutable {
        if (held) killed = std::move(*held);
        if (killed.empty()) return done();
        auto timer = std::make_shared<os::EventLoop::Token>();
        *timer = loop_.After(kRemotePoll, [this, timer, killed = std::move(killed), until,
                                           done = std::move(done)]() mutable {
          AwaitRelease(std::move(killed), until, std::move(done));
          timer.reset();
        });
      });
}

void Monitor::AwaitDeath(std::vector<AttemptRef> killed, os::Steady until,
                         std::function<void()> done) {
  std::erase_if(killed, [&](const AttemptRef& ref) {
    return !supervisor_.IsLive(ref) && !recorder_.Owns(ref);
  });
  if (killed.empty() || clock_.SteadyNow() >= until) return done();
  auto timer = std::make_shared<os::EventLoop::Token>();
  *timer = loop_.After(kProofPoll, [this, timer, killed = std::move(killed), until,
                                    done = std::move(done)]() mutable {
    AwaitDeath(std::move(killed), until, std::move(done));
    timer.reset();
  });
}

bool Monitor::IsStuck(const store::RunningJob& running) const {
  if (Unattended(running)) return true;
  const TypeSettings& type = policy_().types->Get(running.entity_type);
  Millis trust = Elsewhere(running) ? kTrust : Millis{0};
  return AgeOf(running) > policy_().TimeoutOf(running) + type.grace + kCensusSlack + trust;
}

void Monitor::Census() {
  if (std::exchange(counting_, true)) return;
  auto stuck = std::make_shared<int>(0);
  auto unattended = std::make_shared<std::vector<store::RunningJob>>();
  WalkRunning(
      calls_, clock_,
      [this, stuck, unattended](const std::vector<store::RunningJob>& rows) {
        for (const store::RunningJob& running : rows) {
          *stuck += IsStuck(running) ? 1 : 0;
          if (running.node == policy_().node && running.has_open_attempt && Unattended(running))
            unattended->push_back(running);
        }
      },
      [this, stuck, unattended](const Result<void>& walked) {
        counting_ = false;
        census_error_ = walked ? "" : walked.error().detail;
        if (walked) {
          counted_at_ = clock_.SteadyNow();
          stuck_running_ = *stuck;
          GiveBackForgotten(*unattended);
        }
        if (census_done_) census_done_();
      });
}

std::optional<int> Monitor::stuck_running() const {
  if (!counted_at_ || clock_.SteadyNow() - *counted_at_ > kCensusTrust) return std::nullopt;
  return stuck_running_;
}

bool Monitor::counted() const { return counted_at_ || clock_.SteadyNow() - born_ > kCensusTrust; }

Monitor::Status Monitor::status() const {
  Status status = status_;
  if (!status.last_error && !stuck_running() && counted())
    status.last_error = fmt::format(
        "It is not known whether jobs are stuck: {}",
        census_error_.empty() ? "the running jobs are still being read" : census_error_);
  return status;
}

void Monitor::ClockMoved(Millis by) {
  if (status_.last_run) *status_.last_run += by;
  if (status_.next_run) *status_.next_run += by;
}

// A claim may be committed although its answer was lost: nobody started these.
void Monitor::GiveBackForgotten(const std::vector<store::RunningJob>& rows) {
  os::Steady now = clock_.SteadyNow();
  std::map<AttemptRef, os::Steady> unattended;
  std::vector<Ending> endings;
  for (const store::RunningJob& running : rows) {
    auto before = unattended_.find(running.ref);
    os::Steady since = before == unattended_.end() ? now : before->second;
    unattended[running.ref] = since;
    if (now - since < kForgotten || endings.size() == kGivenBackAtOnce) continue;
    endings.push_back(EndingWithoutProcess(
        running, {ErrorClass::kInterrupted, "It was claimed, but never started", {}}, policy_(),
        clock_.Now()));
  }
  unattended_ = std::move(unattended);
  if (!endings.empty()) GiveBack(std::move(endings));
}

void Monitor::GiveBack(std::vector<Ending> given) {
  auto endings = std::make_shared<std::vector<Ending>>(std::move(given));
  calls_.Write<int>(
      [endings](store::Store& store) -> Result<int> {
        auto written = WriteEndings(store, *endings);
        if (!written) return std::unexpected(written.error());
        return 0;
      },
      [endings](const Result<int>& done) {
        if (done)
          os::LogWarning(
              fmt::format("🔁 {} job(s) that were claimed but never started go back to pending",
                          endings->size()));
      });
}

}  // namespace forager::scheduler
