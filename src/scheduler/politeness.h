// Answers attempts that ask for their turn at a web host. Turns are reserved in the store, one
// budget for all jobs of all servers; questions that come while it is written go together into the
// next write. Lives on the event loop.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "os/clock.h"
#include "scheduler/store_calls.h"
#include "supervisor/supervisor.h"

namespace forager::scheduler {

class Politeness {
 public:
  Politeness(os::EventLoop& loop, const os::Clock& clock, StoreCalls& calls,
             supervisor::Supervisor& supervisor, Millis host_interval);

  // Answered through the supervisor: with a turn, or with none when it would come too late for
  // waiting. While the store cannot be written it is tried again, until the attempt's deadline.
  void Ask(const AttemptRef& ref, const supervisor::TurnQuestion& question);
  void SetHostInterval(Millis host_interval) { host_interval_ = host_interval; }

  struct Waiting {
    std::string host;
    os::Steady turn;
    Millis interval{0};  // between two turns of the host
  };
  // What the attempt waits for, when it does. From any thread.
  std::optional<Waiting> WaitingOf(const AttemptRef& ref, os::Steady now) const;

 private:
  struct Question {
    AttemptRef ref;
    supervisor::TurnQuestion of;
  };
  void Reserve();
  void Reserved(const std::vector<Question>& batch, Result<std::vector<store::Turn>> turns);
  void Tell(const Question& question, const store::Turn& turn);
  void DropLate(os::Steady now);

  os::EventLoop& loop_;
  const os::Clock& clock_;
  StoreCalls& calls_;
  supervisor::Supervisor& supervisor_;
  Millis host_interval_;
  std::vector<Question> questions_;  // in their order
  bool writing_ = false;
  os::EventLoop::Token again_;
  mutable std::mutex mutex_;  // guards the next
  std::map<AttemptRef, Waiting> waiting_;
};

}  // namespace forager::scheduler
