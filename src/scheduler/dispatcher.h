// Claims jobs within the limits and has their processes started: by itself in automatic mode, and
// in either mode the retries of jobs once started. Never starts what cannot be started in a loop.
// Lives on the event loop.
#pragma once

#include <vector>

#include "os/clock.h"
#include "scheduler/policy.h"
#include "scheduler/recorder.h"
#include "scheduler/store_calls.h"
#include "supervisor/supervisor.h"

namespace forager::scheduler {

class Dispatcher {
 public:
  Dispatcher(os::EventLoop& loop, const os::Clock& clock, StoreCalls& calls,
             supervisor::Supervisor& supervisor, Recorder& recorder, Policy policy);

  // Something may be claimable now.
  void Wake();
  void WakeAt(WallTime when);
  // Starts the processes of claimed jobs, or ends their attempts when that is impossible.
  void Launch(const std::vector<Job>& jobs);
  void SetPolicy(Policy policy);
  const Policy& policy() const { return policy_; }
  // No further claim until it is false again; running attempts go on.
  void SetDraining(bool draining);
  // How many servers share the work: none takes more than its part before the others had a moment.
  void SetNodes(int nodes) { nodes_ = nodes; }
  // No further claim; what is still launched goes back to pending.
  void Stop() { stopped_ = true; }

 private:
  struct Claimed {
    store::ClaimResult result;
    std::optional<WallTime> next_due;
  };
  void Claim();
  int Room() const;
  Millis Poll() const;
  bool LetOthersFirst();
  bool TooLate(const Job& job) const;
  void Took(Result<Claimed> claimed);
  void LaunchOne(const Job& job);
  void Later(Millis delay);

  os::EventLoop& loop_;
  const os::Clock& clock_;
  StoreCalls& calls_;
  supervisor::Supervisor& supervisor_;
  Recorder& recorder_;
  Policy policy_;
  bool claiming_ = false;
  bool wake_again_ = false;
  bool stopped_ = false;
  bool draining_ = false;
  std::optional<os::Steady> others_until_;  // the moment of the others
  int nodes_ = 1;
  os::EventLoop::Token timer_;
  os::Steady timer_due_{};
};

}  // namespace forager::scheduler
