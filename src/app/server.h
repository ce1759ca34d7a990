// The composition root of `forager serve`: builds the parts bottom up, stops them in reverse.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "alerts/watch.h"
#include "api/api.h"
#include "app/data_dir.h"
#include "app/metrics.h"
#include "app/notifier.h"
#include "app/server_clock.h"
#include "app/settings.h"
#include "scheduler/dispatcher.h"
#include "scheduler/membership.h"
#include "scheduler/monitor.h"
#include "scheduler/orders.h"
#include "scheduler/politeness.h"
#include "scheduler/pruner.h"
#include "scheduler/schedules.h"
#include "scheduler/state_sweep.h"

namespace forager::app {

inline constexpr const char* kVersion = "0.1.0";

class Server final : public api::Control {
 public:
  // On the thread that lives as long as the process, before any other thread is started.
  // `quiet`: the log goes to its file only.
  static Result<std::unique_ptr<Server>> Start(os::EventLoop& loop, SettingSources sources,
                                               Settings settings, bool quiet = false);
  ~Server() override;

  std::string url() const { return http_->url(); }
  std::string login_url() const { return login_url_; }
  const std::string& admin_token() const { return admin_token_; }

  // No new claims; attempts get their grace, then go back to pending; within 30 s. A second call:
  // at once.
  void Stop(std::function<void()> stopped);
  // Reads the configuration again; a wrong one changes nothing.
  void Reload();

  // api::Control; thread-safe.
  std::string node() const override { return node_; }
  bool automatic() const override { return Policy().automatic; }
  store::ClaimLimits limits() const override { return Policy().Limits(); }
  Millis lease() const override { return Policy().lease; }
  std::shared_ptr<const TypeCatalog> types() const override { return Policy().types; }
  std::int64_t max_pending() const override;
  std::vector<api::SettingView> settings() const override;
  api::MonitorStatus monitor() const override;
  int capacity() const override { return Policy().capacity; }
  std::optional<api::NoStart> why_no_start() const override;
  void StartClaimed(std::vector<Job> jobs) override;
  void ResetStuck(Millis timeout, bool requeue,
                  std::function<void(Result<api::StuckReset>)> done) override;
  void CancelUnstored(const std::string& job_id, bool force,
                      std::function<void(bool)> done) override;
  void LiveAttempts(const std::string& job_id,
                    std::function<void(std::vector<api::LiveAttempt>)> done) override;
  std::optional<api::TurnWait> turn_wait(const AttemptRef& ref) const override;
  std::optional<int> stuck_running() const override;
  std::string metrics(const api::JobFigures& jobs) const override;
  std::vector<api::AlertReceiver> alert_receivers() const override;
  Result<std::int64_t> QueueTestAlert(store::Store& store, const std::string& receiver,
                                      WallTime now) override;
  void AlertsQueued() override { watch_->WakeCouriers(); }
  bool shutting_down() const override { return stopping_; }

 private:
  Server(os::EventLoop& loop, SettingSources sources, Settings settings, DataDir data_dir);
  Result<void> OpenStore();
  Result<void> StartEngine();
  Result<void> StartHttp();
  Result<void> MakeAccess();
  Result<void> NoteAddress();
  bool ReloadTls(const Settings& loaded);
  Result<std::string> NodeOfFile();
  Result<std::string> NodeOfDirectory() const;
  Result<void> Join();
  void StartMembership();
  void StartWatch();
  void ClockMoved(Millis by);
  supervisor::SupervisorOptions SupervisorSettings() const;
  scheduler::Policy MakePolicy(const Settings& settings) const;
  scheduler::Policy Policy() const;
  void Committed(const store::Committed& committed);
  void Housekeeping();
  void KeepFiles();
  void CareForDisk();
  void Publish();
  void AwaitStop();

  os::EventLoop& loop_;
  SettingSources sources_;
  DataDir data_dir_;
  ServerClock clock_;
  std::string node_;
  std::string boot_id_;
  std::string admin_token_;
  std::string login_url_;

  mutable std::mutex mutex_;  // guards what other threads read: the next five
  Settings settings_;
  scheduler::Policy policy_;
  scheduler::Monitor::Status monitor_status_;
  Metrics::LoopView loop_view_;
  std::optional<int> stuck_running_;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> can_start_ = true;    // the keeper is ready
  std::atomic<bool> leases_hold_ = true;  // long enough for what is started now
  std::atomic<bool> wake_posted_ = false;

  Metrics metrics_;
  std::unique_ptr<alerts::Watch> watch_;
  std::unique_ptr<store::StoreService> store_;
  std::unique_ptr<scheduler::StoreCalls> calls_;
  std::unique_ptr<scheduler::Recorder> recorder_;
  std::unique_ptr<supervisor::Supervisor> supervisor_;
  std::unique_ptr<scheduler::Politeness> politeness_;
  std::unique_ptr<scheduler::Dispatcher> dispatcher_;
  std::unique_ptr<scheduler::Orders> orders_;
  std::unique_ptr<scheduler::Membership> membership_;
  std::unique_ptr<scheduler::Monitor> monitor_;
  std::unique_ptr<scheduler::Pruner> pruner_;
  std::unique_ptr<scheduler::StateSweep> states_;
  std::unique_ptr<scheduler::Schedules> schedules_;
  std::unique_ptr<ClockKeeper> clock_keeper_;
  api::EventHub events_;
  api::JobWaiters waiters_;
  std::unique_ptr<Notifier> notifier_;
  std::atomic<bool> observing_ = false;  // commits are told to the parts above
  std::unique_ptr<http::Server> http_;
  std::vector<os::EventLoop::Token> timers_;

  std::function<void()> stopped_;
  os::Steady stop_force_{}, stop_end_{};
  bool forced_ = false;
  os::EventLoop::Token stop_timer_;
};

}  // namespace forager::app
