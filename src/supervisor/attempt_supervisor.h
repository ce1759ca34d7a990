// The supervisor itself: every attempt's way from its start to its proven end.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "os/descriptor.h"
#include "supervisor/attempt_table.h"
#include "supervisor/due_queue.h"
#include "supervisor/keeper_link.h"
#include "supervisor/life_look.h"
#include "supervisor/refused_paths.h"
#include "supervisor/scratch.h"
#include "supervisor/snapshot.h"
#include "supervisor/start_gate.h"
#include "supervisor/supervisor.h"

namespace forager::supervisor {

inline constexpr Millis kTick{1000};

class AttemptSupervisor final : public Supervisor, KeeperLink::Listener, LifeLook::Attempts {
 public:
  AttemptSupervisor(os::EventLoop& loop, const os::Clock& clock, SupervisorOptions options,
                    AttemptObserver& observer);
  ~AttemptSupervisor() override;

  // Starts the keeper; nothing else is to be called before.
  Result<void> Open();

  void Start(AttemptSpec spec) override;
  void Stop(const AttemptRef& ref, StopReason reason, bool force) override;
  void Answer(const AttemptRef& ref, const TurnAnswer& answer) override;

  std::vector<AttemptRef> Live() const override { return attempts_.Refs(); }
  bool IsLive(const AttemptRef& ref) const override { return attempts_.Find(ref); }
  std::optional<Millis> Age(const AttemptRef& ref) const override;
  std::vector<Watched> Watching(const std::string& job_id) const override;
  std::string Describe(const AttemptRef& ref) const override;
  void SetProtectedFiles(os::ProtectedFiles files) override;
  void SetCollectorSettings(std::map<std::string, std::string> settings) override;
  void LeasesHoldUntil(os::Steady until) override;
  std::vector<std::string> JobsWithState() const override {
    return supervisor::JobsWithState(options_.data_dir);
  }
  void ForgetState(const std::string& job_id) override;
  int Room() const override;
  bool CanStart() const override;
  Figures figures() const override;

 private:
  void OnMessage(KeeperMessage message, os::Descriptor descriptor) override;
  void OnLost(std::uint32_t generation, const std::string& why) override;
  void OnReady(std::uint32_t generation) override;

  std::optional<NotStarted> Launch(RunningAttempt& attempt, const AttemptSpec& spec);
  void RefuseLater(AttemptRef ref, bool builtin, NotStarted why);
  void Refused(std::uint64_t id, const NotStarted& why);
  void LookForProof();
  int DescriptorRoom() const;
  std::string Shortage() const;

  void Changed(std::uint64_t id);
  void AskForTurn(std::uint64_t id);
  void SayRefused(const RunningAttempt& attempt);
  void HandOver(std::uint64_t id, bool all);
  void HandOverAll();
  void End(std::uint64_t id, ProcessEnd process, bool released, std::optional<Usage> usage);
  void Release(std::uint64_t id, const Usage& usage);

  // In attempt_watching.cc: what is seen of them, and told of it.
  std::optional<pid_t> CollectorOf(std::uint64_t id) override;
  std::int64_t OutputOf(std::uint64_t id) override;
  void Saw(std::uint64_t id, const LifeSigns& signs) override;

  // In attempt_stopping.cc: what the clocks say, and the way to an end.
  void Tick();
  void CheckDue();
  void Check(std::uint64_t id);
  void CheckEnd(RunningAttempt& attempt, os::Steady now);
  void RunSchedule(std::uint64_t id);
  void StopFor(RunningAttempt& attempt, StopReason reason, std::string detail, bool force);
  void Signal(RunningAttempt& attempt, int signal);
  void LookAt(std::uint64_t id, os::Steady due);
  void Arm();
  void Remove(std::uint64_t id);

  os::EventLoop& loop_;
  const os::Clock& clock_;
  SupervisorOptions options_;
  std::string settings_json_;
  AttemptObserver& observer_;
  os::Descriptor lock_;
  AttemptTable attempts_;
  LifeLook look_{loop_, *this};
  Snapshots snapshots_;
  std::uint64_t next_id_ = 0;
  Figures figures_;
  StartGate gate_;
  int running_ = 0;               // have a process, or had one and are not proven empty
  std::int64_t descriptors_ = 0;  // that attempts may have
  DueQueue looks_;
  std::vector<std::uint64_t> waiting_;  // for the next hand-over
  std::optional<os::Steady> lease_end_;
  os::Steady armed_ = os::Steady::max();
  os::Steady last_tick_{};
  os::EventLoop::Token tick_, due_, hand_over_, proof_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  RefusedPaths refused_paths_;
  KeeperLink keeper_;  // last: it may call back
};

}  // namespace forager::supervisor
