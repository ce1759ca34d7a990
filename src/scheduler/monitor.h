// Finds jobs that are running too long or with nothing behind them, fences them, then has their
// processes killed. Runs on its interval, and when reset-stuck asks. Lives on the event loop.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "os/clock.h"
#include "scheduler/policy.h"
#include "scheduler/recorder.h"
#include "scheduler/store_calls.h"
#include "supervisor/supervisor.h"

namespace forager::scheduler {

class Monitor {
 public:
  struct Status {
    std::optional<WallTime> last_run;
    std::optional<WallTime> next_run;
    std::int64_t reset_last = 0;
    std::int64_t reset_total = 0;
    std::optional<std::string> last_error;
    std::deque<std::pair<std::string, WallTime>> recent;  // job and time, newest first, bounded
  };
  // Who found a stuck job, and what was behind it.
  struct ResetKind {
    std::string_view by;      // "monitor", "request"
    std::string_view reason;  // "no_process", "process_ended", "process_alive"
    auto operator<=>(const ResetKind&) const = default;
  };
  struct ResetJobs {
    std::vector<std::string> job_ids;
    std::string unstored;  // why their rows do not say so yet; "" when they do
  };
  using Done = std::function<void(Result<ResetJobs>)>;

  Monitor(os::EventLoop& loop, const os::Clock& clock, StoreCalls& calls,
          supervisor::Supervisor& supervisor, Recorder& recorder,
          std::function<const Policy&()> policy);

  // Called in the transaction of a reset, on the store's thread: what must be stored with it.
  using InReset = std::function<Result<void>(store::Store&, const std::vector<std::string>& job_ids,
                                             bool by_monitor, WallTime now)>;
  void OnReset(InReset in_reset) { in_reset_ = std::move(in_reset); }

  // Runs every `interval` from now on.
  void Start(Millis interval, std::function<void()> changed);
  void RunOnce();
  // Every job running for `timeout` or longer. Answers after waiting up to 2 s for proof that what
  // was killed is dead.
  void Reset(Millis timeout, bool requeue, Done done);
  // Rows running with nothing alive behind them, or past every bound. Kept by Census; none while it
  // is not known: before the first one, and when the last good one is too old.
  std::optional<int> stuck_running() const;
  // The first census is done, or should be.
  bool counted() const;
  void Census();
  // The wall clock was set: its own times move along.
  void ClockMoved(Millis by);
  // Called after each census.
  void OnCensus(std::function<void()> counted) { census_done_ = std::move(counted); }
  // With the reason why the stuck rows are not known, if so.
  Status status() const;
  const std::map<ResetKind, std::uint64_t>& resets() const { return resets_; }

 private:
  struct Overdue {
    AttemptRef ref;
    std::string message;
    std::string_view reason;
    bool elsewhere = false;
  };
  bool Elsewhere(const store::RunningJob& running) const;
  bool Unattended(const store::RunningJob& running) const;
  Millis AgeOf(const store::RunningJob& running) const;
  struct Found {
    std::string_view reason;
    std::string words;
  };
  Found Describe(const store::RunningJob& running) const;
  void FindOverdue(const std::vector<store::RunningJob>& running, std::optional<Millis> literal,
                   std::vector<Overdue>& overdue) const;
  void WalkOverdue(std::optional<Millis> literal,
                   std::function<void(Result<std::vector<Overdue>>)> then);
  bool IsStuck(const store::RunningJob& running) const;
  void ResetOverdue(std::vector<Overdue> overdue, std::string_view by, bool requeue, Done done);
  void KillUnstored(const std::vector<Overdue>& overdue, std::string_view by, bool requeue,
                    const Error& error, const Done& done);
  void AwaitDeath(std::vector<AttemptRef> killed, os::Steady until, std::function<void()> done);
  void AwaitRelease(std::vector<AttemptRef> killed, os::Steady until, std::function<void()> done);
  void GiveBackForgotten(const std::vector<store::RunningJob>& rows);
  void GiveBack(std::vector<Ending> endings);
  void Finished(Result<ResetJobs> reset);

  os::EventLoop& loop_;
  const os::Clock& clock_;
  StoreCalls& calls_;
  supervisor::Supervisor& supervisor_;
  Recorder& recorder_;
  std::function<const Policy&()> policy_;
  Millis interval_{};
  std::function<void()> changed_;
  InReset in_reset_;
  os::EventLoop::Token timer_;
  Status status_;
  std::map<ResetKind, std::uint64_t> resets_;
  int stuck_running_ = 0;
  std::optional<os::Steady> counted_at_;  // the last good census
  os::Steady born_;
  bool counting_ = false;
  std::string census_error_;
  std::function<void()> census_done_;
  std::map<AttemptRef, os::Steady> unattended_;  // since when
};

}  // namespace forager::scheduler
