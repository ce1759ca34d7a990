// Looks every few seconds whether a rule of the configuration is broken or holds again, and has it
// told. Lives on the event loop; what it finds is stored before anybody hears of it, except that
// the store is away.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "alerts/config.h"
#include "alerts/courier.h"
#include "alerts/failure_rate.h"
#include "alerts/outbox.h"
#include "os/event_loop.h"

namespace forager::alerts {

// What this server knows of itself.
struct Facts {
  bool known = false;  // stuck rows have been counted
  std::optional<int> stuck_running{};  // none: not known
  std::uint64_t disk_free = 0;
  std::uint64_t keeper_restarts = 0;
  store::Health store;
};

class Watch {
 public:
  Watch(os::EventLoop& loop, const os::Clock& clock, store::StoreService& store, std::string node,
        std::function<Facts()> facts);
  ~Watch();

  // Also anew, with another configuration.
  void Start(Config config);
  // Before the store goes; what is under way is taken up by the next server.
  void Stop();
  void RunOnce();
  // A job's last end: failed or completed.
  void JobEnded(const std::string& entity_type, bool failed);
  // Called in the transaction that resets the jobs, on the store's thread; thread-safe.
  Result<void> JobsReset(store::Store& store, const std::vector<std::string>& job_ids,
                         bool by_monitor, WallTime now) const;
  // For the API; thread-safe.
  std::shared_ptr<const Config> config() const;
  Origin origin() const { return {node_, config()->url}; }
  void WakeCouriers();

 private:
  struct Figures {
    std::vector<store::Alert> open;
    std::int64_t pending = 0;
    double oldest_pending_seconds = 0;
    std::optional<WallTime> last_completion;
  };
  using Findings = std::map<std::string, std::pair<const Rule*, Finding>>;  // by key

  bool Retire(std::unique_ptr<Courier>& courier);
  void Judge(const Facts& facts, const Figures& figures);
  void FindLocal(const Rule& rule, const Facts& facts, Findings& found);
  void FindJobs(const Rule& rule, const Figures& figures, Findings& found) const;
  void FindRates(const Rule& rule, Findings& found) const;
  void Hold(Findings& found);
  void Adopt(const std::vector<store::Alert>& open);
  void Tell(Findings found);
  void StoreAway(const Facts& facts);
  void StoreBack();
  Finding Restarted(std::uint64_t restarts) const;

  os::EventLoop& loop_;
  const os::Clock& clock_;
  store::StoreService& store_;
  const std::string node_;
  const std::function<Facts()> facts_;

  mutable std::mutex mutex_;  // guards config_ and couriers_
  std::shared_ptr<const Config> config_;
  std::map<std::string, std::unique_ptr<Courier>> couriers_;
  std::vector<std::unique_ptr<Courier>> retired_;  // of earlier settings, until they have ended

  os::EventLoop::Token timer_;
  FailureRate rates_;
  bool looking_ = false;
  std::uint64_t keeper_restarts_ = 0;
  std::map<std::string, os::Steady> since_;  // conditions that hold, by key
  std::map<std::string, os::Steady> told_;   // alerts that are open, and when they were told
  std::optional<os::Steady> away_since_;
  bool away_told_ = false;
  WallTime away_at_{};
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace forager::alerts
