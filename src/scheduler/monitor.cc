#include "scheduler/monitor.h"

#include <fmt/format.h>

#include "os/log.h"

namespace forager::scheduler {
namespace {

constexpr int kMaxRows = 10'000;
constexpr Millis kProofWait{2'000};
constexpr Millis kProofPoll{20};
constexpr Millis kRemotePoll{100};
constexpr Millis kCensusSlack{5'000};
constexpr Millis kTrust{60'000};      // in another server's clocks
constexpr Millis kForgotten{10'000};  // a claim is followed by its start within
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
      policy_(std::move(policy)) {
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
  using Rows = std::vector<store::RunningJob>;
  calls_.Read<Rows>(
      [now = clock_.Now()](store::Store& store) { return store.Running(kMaxRows, now); },
      [this](Result<Rows> rows) {
        if (!rows) return Finished(std::unexpected(rows.error()));
        auto overdue = FindOverdue(*rows, std::nullopt);
        if (overdue.empty()) return Finished(std::vector<std::string>{});
        os::LogWarning(fmt::format("🔧 Found {} stuck job(s), marking as failed", overdue.size()));
        ResetOverdue(std::move(overdue), kByMonitor, false,
                     [this](auto reset) { Finished(std::move(reset)); });
      });
}

void Monitor::Finished(Result<std::vector<std::string>> reset) {
  if (!reset) {
    status_.last_error = reset.error().detail;
    os::LogError("❌ Job monitor error: " + reset.error().detail);
  } else {
    status_.last_error.reset();
    status_.reset_last = static_cast<std::int64_t>(reset->size());
    status_.reset_total += status_.reset_last;
    if (!reset->empty()) os::LogInfo(fmt::format("✅ Reset {} stuck job(s)", reset->size()));
  }
  if (changed_) changed_();
}

void Monitor::Reset(Millis timeout, bool requeue, Done done) {
  using Rows = std::vector<store::RunningJob>;
  calls_.Read<Rows>(
      [now = clock_.Now()](store::Store& store) { return store.Running(kMaxRows, now); },
      [this, timeout, requeue, done = std::move(done)](Result<Rows> rows) {
        if (!rows) return done(std::unexpected(rows.error()));
        auto overdue = FindOverdue(*rows, timeout);
        if (overdue.empty()) return done(std::vector<std::string>{});
        os::LogWarning(
            requeue
                ? fmt::format("🔧 Found {} stuck job(s), putting back to pending", overdue.size())
                : fmt::format("🔧 Found {} stuck job(s), marking as failed", overdue.size()));
        ResetOverdue(std::move(overdue), kByRequest, requeue,
                     [this, done](Result<std::vector<std::string>> reset) {
                       if (reset && !reset->empty())
                         os::LogInfo(fmt::format("✅ Reset {} stuck job(s)", reset->size()));
                       if (reset) status_.reset_total += static_cast<std::int64_t>(reset->size());
                       done(std::move(reset));
                     });
      });
}

// A live attempt's age is the steady clock's; only a row whose started_at is not its attempt's is
// measured by the wall clock.
Millis Monitor::AgeOf(const store::RunningJob& running) const {
  const Job& job = running.job;
  if (job.started_at && running.attempt_started_at == job.started_at) {
    if (auto age = supervisor_.Age({job.job_id, job.attempt})) return *age;
  }
  WallTime now = clock_.Now();
  bool readable = job.started_at && *job.started_at <= now;
  return now - (readable ? *job.started_at : job.updated_at);
}

// Another server watches its clocks; once its lease has run out it is taken over, not reset.
bool Monitor::Elsewhere(const store::RunningJob& running) const {
  const Policy& policy = policy_();
  return policy.shared && running.has_open_attempt && running.job.node &&
         *running.job.node != policy.node;
}

bool Monitor::Unattended(const store::RunningJob& running) const {
  AttemptRef ref{running.job.job_id, running.job.attempt};
  bool held_elsewhere = Elsewhere(running) && running.leased;
  return !held_elsewhere && !supervisor_.IsLive(ref) && !recorder_.Owns(ref);
}

Monitor::Found Monitor::Describe(const store::RunningJob& running) const {
  AttemptRef ref{running.job.job_id, running.job.attempt};
  if (supervisor_.IsLive(ref)) return {kAlive, supervisor_.Describe(ref)};
  if (recorder_.Owns(ref)) return {kEnded, "Its process had ended."};
  if (Elsewhere(running))
    return {kAlive, fmt::format("It was running on server {}.", *running.job.node)};
  return {kNothing, "No process was behind it."};
}

std::vector<Monitor::Overdue> Monitor::FindOverdue(const std::vector<store::RunningJob>& rows,
                                                   std::optional<Millis> literal) const {
  std::vector<Overdue> overdue;
  for (const store::RunningJob& running : rows) {
    Millis limit = literal.value_or(policy_().TimeoutOf(running.job));
    // What the other server should have done by then.
    bool trusted = !literal && Elsewhere(running);
    const TypeSettings& type = policy_().types->Get(running.job.entity_type);
    if (AgeOf(running) < limit + (trusted ? type.grace + kTrust : Millis{0})) continue;
    Found found = Describe(running);
    std::string message = fmt::format("Job timed out after running for more than {} minutes. {}",
                                      FormatMinutes(limit), found.words);
    overdue.push_back({{running.job.job_id, running.job.attempt},
                       std::move(message),
                       found.reason,
                       Elsewhere(running)});
  }
  return overdue;
}

void Monitor::ResetOverdue(std::vector<Overdue> overdue, std::string_view by, bool requeue,
                           Done done) {
  auto rows = std::make_shared<std::vector<Overdue>>(std::move(overdue));
  WallTime now = clock_.Now();
  using Refs = std::vector<AttemptRef>;
  calls_.Write<Refs>(
      [rows, by, requeue, now, in_reset = in_reset_](store::Store& store) -> Result<Refs> {
        Refs reset;
        std::vector<std::string> ids;
        for (const Overdue& row : *rows) {
          auto done = store.Reset(row.ref, row.message, requeue, now);
          if (!done) return std::unexpected(done.error());
          if (!*done) continue;
          reset.push_back(row.ref);
          ids.push_back(row.ref.job_id);
        }
        if (in_reset && !ids.empty()) {
          if (auto told = in_reset(store, ids, by == kByMonitor, now); !told)
            return std::unexpected(told.error());
        }
        return reset;
      },
      [this, rows, by, requeue, now, done = std::move(done)](Result<Refs> reset) {
        if (!reset) return done(std::unexpected(reset.error()));
        std::vector<std::string> ids;
        std::vector<AttemptRef> remote;
        for (const AttemptRef& ref : *reset) {
          ids.push_back(ref.job_id);
          status_.recent.emplace_front(ref.job_id, now);
          if (status_.recent.size() > kMaxRecent) status_.recent.pop_back();
          supervisor_.Stop(ref, StopReason::kReset, true);
          auto row = std::ranges::find(*rows, ref, &Overdue::ref);
          ++resets_[{by, row->reason}];
          if (row->elsewhere) remote.push_back(ref);
          if (requeue) continue;
          os::LogError(fmt::format("❌ Background job {} failed: {}", ref.job_id, row->message));
          os::LogError(fmt::format("🔧 Marked job {} as failed in database", ref.job_id));
        }
        os::Steady until = clock_.SteadyNow() + kProofWait;
        AwaitDeath(std::move(*reset), until, [this, remote, until, done, ids] {
          AwaitRelease(remote, until, [done, ids] { done(ids); });
        });
      });
}

// Proof of death on another server is on the attempt's row.
void Monitor::AwaitRelease(std::vector<AttemptRef> killed, os::Steady until,
                           std::function<void()> done) {
  if (killed.empty() || clock_.SteadyNow() >= until) return done();
  using Held = std::vector<Attempt>;
  calls_.Read<Held>(
      [](store::Store& store) { return store.Unreleased(std::nullopt, kMaxRows); },
      [this, killed = std::move(killed), until, done = std::move(done)](Result<Held> held) mutable {
        if (held) {
          std::erase_if(killed, [&](const AttemptRef& ref) {
            return std::ranges::find(*held, ref, &Attempt::ref) == held->end();
          });
        }
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

void Monitor::Census() {
  using Rows = std::vector<store::RunningJob>;
  calls_.Read<Rows>(
      [now = clock_.Now()](store::Store& store) { return store.Running(kMaxRows, now); },
      [this](Result<Rows> rows) {
        if (!rows) return;
        counted_ = true;
        stuck_running_ =
            static_cast<int>(std::ranges::count_if(*rows, [&](const store::RunningJob& running) {
              if (Unattended(running)) return true;
              const TypeSettings& type = policy_().types->Get(running.job.entity_type);
              Millis trust = Elsewhere(running) ? kTrust : Millis{0};
              return AgeOf(running) >
                     policy_().TimeoutOf(running.job) + type.grace + kCensusSlack + trust;
            }));
        GiveBackForgotten(*rows);
      });
}

// A claim may be committed although its answer was lost: nobody started these.
void Monitor::GiveBackForgotten(const std::vector<store::RunningJob>& rows) {
  os::Steady now = clock_.SteadyNow();
  std::map<AttemptRef, os::Steady> unattended;
  auto endings = std::make_shared<std::vector<Ending>>();
  for (const store::RunningJob& running : rows) {
    if (running.job.node != policy_().node || !running.has_open_attempt || !Unattended(running))
      continue;
    AttemptRef ref{running.job.job_id, running.job.attempt};
    auto before = unattended_.find(ref);
    os::Steady since = before == unattended_.end() ? now : before->second;
    unattended[ref] = since;
    if (now - since < kForgotten) continue;
    endings->push_back(EndingWithoutProcess(
        running, {ErrorClass::kInterrupted, "It was claimed, but never started", {}}, policy_(),
        clock_.Now()));
  }
  unattended_ = std::move(unattended);
  if (endings->empty()) return;
  calls_.Write<int>(
      [endings](store::Store& store) -> Result<int> {
        for (const Ending& ending : *endings) {
          auto written = WriteEnding(store, ending, 0.5);
          if (!written) return std::unexpected(written.error());
        }
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
