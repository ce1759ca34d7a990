// What the API may ask of the running server besides the store. Implemented by the scheduler's side
// in the composition root; every method is thread-safe and returns at once. No method touches a
// process: orders to attempts are rows, or go to the event loop when no row can be written.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "job/job.h"
#include "job/type_catalog.h"
#include "store/store.h"

namespace forager::api {

struct MonitorStatus {
  bool enabled = true;
  Millis interval{300'000};
  Millis timeout{30 * 60'000};
  std::optional<WallTime> last_run;
  std::int64_t reset_last = 0;
  std::int64_t reset_total = 0;
  std::optional<WallTime> next_run;
  std::optional<std::string> last_error;
  struct Reset {
    std::string job_id;
    WallTime at{};
  };
  std::vector<Reset> recent;  // the last ones, newest first
};

struct SettingView {
  std::string name, value, source;  // source: "default", "file forager.toml:3", "environment
                                    // FORAGER_LISTEN", "flag --listen"
};

// A limit of a live attempt: its whole length, and what is left of it now.
struct LimitView {
  Millis limit{0}, left{0};
  bool rests = false;  // it does not count now
};
struct LiveAttempt {
  AttemptRef ref;
  LimitView deadline, heartbeat, stall;
  bool stopping = false;  // its stop schedule has begun
  bool speaks = true;     // false: a command that has not spoken our protocol
  std::string signs;      // one sentence: the signs of life seen, and when
};

// An attempt that lives on this node waits for its turn at a web host.
struct TurnWait {
  std::string host;
  Millis left{0};
  Millis interval{0};  // between two turns of the host
};

// What a scrape reads from the store; none when it cannot be read.
struct JobFigures {
  std::optional<std::vector<store::TypeTotals>> totals;
  double oldest_pending_seconds = 0;
};

struct AlertReceiver {
  std::string name, kind;
};

struct StuckReset {
  std::vector<std::string> job_ids;
  std::string unstored{};  // they were killed, but this kept it from being stored yet
};

// Why this server starts nothing at this moment, whoever asks.
struct NoStart {
  std::string code;  // as explain names it
  std::string words;
};

class Control {
 public:
  virtual ~Control() = default;
  virtual std::string node() const = 0;
  virtual bool automatic() const = 0;  // dispatch mode
  virtual store::ClaimLimits limits() const = 0;
  virtual Millis lease() const = 0;
  virtual std::shared_ptr<const TypeCatalog> types() const = 0;
  virtual std::int64_t max_pending() const = 0;
  virtual std::vector<SettingView> settings() const = 0;  // secrets hidden
  virtual MonitorStatus monitor() const = 0;
  // Attempts of this server at most; 0: no limit of its own.
  virtual int capacity() const = 0;
  // None: what is claimed now would be started. Drain and capacity are rows: every claim asks
  // there.
  virtual std::optional<NoStart> why_no_start() const = 0;
  // Claimed by a request of the API: start these attempts' processes.
  virtual void StartClaimed(std::vector<Job> jobs) = 0;
  // Fails (or requeues) every job running longer than `timeout`; answers after waiting up to 2 s
  // for proof of death of what was killed.
  virtual void ResetStuck(Millis timeout, bool requeue,
                          std::function<void(Result<StuckReset>)> done) = 0;
  // A cancel that could not be stored goes to the attempt itself, if it lives on this node; its row
  // follows with its end. False: it does not.
  virtual void CancelUnstored(const std::string& job_id, bool force,
                              std::function<void(bool)> done) = 0;
  // The attempts whose processes live on this node: of one job, or of all ("").
  virtual void LiveAttempts(const std::string& job_id,
                            std::function<void(std::vector<LiveAttempt>)> done) = 0;
  virtual std::optional<TurnWait> turn_wait(const AttemptRef& ref) const = 0;
  // Rows in state running with nothing alive behind them: the gauge that must read 0. None while it
  // is not known.
  virtual std::optional<int> stuck_running() const = 0;
  // The body of /metrics, in Prometheus' text form.
  virtual std::string metrics(const JobFigures& jobs) const = 0;
  // Who is told of alerts; a test message for one of them, in the caller's transaction; and what to
  // do after it.
  virtual std::vector<AlertReceiver> alert_receivers() const = 0;
  virtual Result<std::int64_t> QueueTestAlert(store::Store& store, const std::string& receiver,
                                              WallTime now) = 0;
  virtual void AlertsQueued() = 0;
  virtual bool shutting_down() const = 0;
};

}  // namespace forager::api
