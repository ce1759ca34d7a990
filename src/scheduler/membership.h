// This server among those of one database: says that it lives and renews its leases, tells the
// keeper until when they hold, and takes over what lost servers left running. Alone on a database
// it only keeps the leases fresh. Lives on the event loop.
#pragma once

#include <functional>
#include <string>

#include "os/clock.h"
#include "scheduler/policy.h"
#include "scheduler/store_calls.h"
#include "supervisor/supervisor.h"

namespace forager::scheduler {

class Membership {
 public:
  struct Hooks {
    std::function<void(Millis offset)> clock_differs;  // the database's clock is so much ahead
    std::function<void()> replaced;                    // another server has this node's id
    std::function<void(bool)> draining;
    std::function<void()> slots_freed;
    std::function<void()> changed;  // something that GET /nodes shows
  };
  Membership(os::EventLoop& loop, const os::Clock& clock, StoreCalls& calls,
             supervisor::Supervisor& supervisor, std::function<const Policy&()> policy,
             std::string boot_id, Hooks hooks);

  // Heartbeats from now on.
  void Start();
  // One heartbeat, and a look for lost servers.
  void Beat();
  void Reclaim();

  bool draining() const { return draining_; }
  int nodes() const { return nodes_; }
  // Long enough for what is started now.
  bool LeasesHold() const;

 private:
  void Heard(const store::HeartbeatAnswer& answer, os::Steady sent, WallTime sent_at);

  os::EventLoop& loop_;
  const os::Clock& clock_;
  StoreCalls& calls_;
  supervisor::Supervisor& supervisor_;
  std::function<const Policy&()> policy_;
  const std::string boot_id_;
  Hooks hooks_;
  bool beating_ = false, reclaiming_ = false, draining_ = false;
  int nodes_ = 1;
  std::optional<os::Steady> heard_since_;  // the database has answered without a gap since then
  os::Steady last_heard_{};
  std::vector<os::EventLoop::Token> timers_;
};

}  // namespace forager::scheduler
