// What the API may ask of the running server (api::Control); from any thread.
#include "app/server.h"

namespace forager::app {

std::int64_t Server::max_pending() const {
  std::lock_guard lock(mutex_);
  return settings_.max_pending;
}

std::vector<api::AlertReceiver> Server::alert_receivers() const {
  std::vector<api::AlertReceiver> receivers;
  for (const alerts::Receiver& receiver : watch_->config()->receivers)
    receivers.push_back({receiver.name, std::string(alerts::Name(receiver.medium))});
  return receivers;
}

Result<std::int64_t> Server::QueueTestAlert(store::Store& store, const std::string& receiver,
                                            WallTime now) {
  return alerts::QueueTest(store, receiver, watch_->origin(), now);
}

std::vector<api::SettingView> Server::settings() const {
  std::lock_guard lock(mutex_);
  return settings_.views;
}

std::optional<int> Server::stuck_running() const {
  std::lock_guard lock(mutex_);
  return stuck_running_;
}

api::MonitorStatus Server::monitor() const {
  std::lock_guard lock(mutex_);
  const auto& status = monitor_status_;
  api::MonitorStatus view{
      settings_.monitor_enabled, settings_.monitor_interval, settings_.types->defaults().timeout,
      status.last_run,           status.reset_last,          status.reset_total,
      status.next_run,           status.last_error,          {}};
  for (const auto& [job_id, at] : status.recent) view.recent.push_back({job_id, at});
  return view;
}

std::string Server::metrics(const api::JobFigures& jobs) const {
  Metrics::Reading reading;
  reading.jobs = jobs;
  {
    std::lock_guard lock(mutex_);
    reading.loop = loop_view_;
    reading.max_running = policy_.max_running;
    reading.stuck_running = stuck_running_;
  }
  reading.store = store_->figures();
  reading.health = store_->health();
  reading.http = http_->figures();
  reading.waiting_requests = waiters_.size();
  reading.disk_free_bytes = data_dir_.FreeBytes();
  reading.version = kVersion;
  return metrics_.Write(reading);
}

std::optional<api::NoStart> Server::why_no_start() const {
  if (stopping_) return api::NoStart{"shutting_down", "The server is shutting down."};
  if (!can_start_)
    return api::NoStart{"not_ready",
                        "This server cannot start processes at this moment: its keeper "
                        "is being started, or the system refused the last one."};
  if (!leases_hold_)
    return api::NoStart{"leases_end",
                        "This server has not reached the database for so long that "
                        "its leases end: it starts nothing until it does."};
  return std::nullopt;
}

void Server::StartClaimed(std::vector<Job> jobs) {
  loop_.Post([this, jobs = std::move(jobs)] { dispatcher_->Launch(jobs); });
}

void Server::ResetStuck(Millis timeout, bool requeue,
                        std::function<void(Result<api::StuckReset>)> done) {
  loop_.Post([this, timeout, requeue, done = std::move(done)] {
    monitor_->Reset(timeout, requeue, [done](Result<scheduler::Monitor::ResetJobs> ids) {
      ids ? done(api::StuckReset{std::move(ids->job_ids), std::move(ids->unstored)})
          : done(std::unexpected(ids.error()));
    });
  });
}

void Server::CancelUnstored(const std::string& job_id, bool force, std::function<void(bool)> done) {
  loop_.Post([this, job_id, force, done = std::move(done)] {
    bool found = false;
    for (const AttemptRef& ref : supervisor_->Live()) {
      if (ref.job_id != job_id || !recorder_->CancelAtEnd(ref)) continue;
      supervisor_->Stop(ref, StopReason::kCancel, force);
      found = true;
    }
    done(found);
  });
}

void Server::LiveAttempts(const std::string& job_id,
                          std::function<void(std::vector<api::LiveAttempt>)> done) {
  loop_.Post([this, job_id, done = std::move(done)] {
    std::vector<api::LiveAttempt> live;
    auto view = [](const supervisor::Supervisor::Left& left) {
      return api::LimitView{left.limit, left.left, left.rests};
    };
    for (const auto& watched : supervisor_->Watching(job_id)) {
      live.push_back({watched.ref, view(watched.deadline), view(watched.heartbeat),
                      view(watched.stall), watched.stopping, watched.speaks, watched.signs});
    }
    done(std::move(live));
  });
}

std::optional<api::TurnWait> Server::turn_wait(const AttemptRef& ref) const {
  os::Steady now = clock_.SteadyNow();
  auto waiting = politeness_->WaitingOf(ref, now);
  if (!waiting) return std::nullopt;
  return api::TurnWait{waiting->host, std::chrono::ceil<Millis>(waiting->turn - now),
                       waiting->interval};
}

}  // namespace forager::app
