// The scheduler on a real SQLite store and a real event loop, with a clock and a supervisor of the
// test's.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <map>

#include "scheduler/dispatcher.h"
#include "scheduler/monitor.h"
#include "scheduler/orders.h"
#include "scheduler/start_up.h"

namespace forager::scheduler {

class FakeClock : public os::Clock {
 public:
  os::Wall Now() const override { return wall_; }
  os::Steady SteadyNow() const override { return steady_; }
  void Advance(Millis by) {
    wall_ += by;
    steady_ += by;
  }
  void JumpWall(Millis by) { wall_ += by; }

 private:
  os::Wall wall_ = *ParseRfc3339("2026-11-23T10:00:00Z");
  os::Steady steady_{Millis{1'000'000}};
};

// Takes orders, and does what the test says happened to the processes.
class FakeSupervisor : public supervisor::Supervisor {
 public:
  explicit FakeSupervisor(const os::Clock& clock) : clock_(clock) {}

  void Start(supervisor::AttemptSpec spec) override {
    live_.emplace(spec.ref, clock_.SteadyNow());
    started.push_back(std::move(spec));
  }
  void Stop(const AttemptRef& ref, StopReason reason, bool force) override {
    stopped.push_back({ref, reason, force});
    if (on_stop) on_stop(ref, reason);
  }
  void Answer(const AttemptRef& ref, const TurnAnswer& answer) override {
    answers.emplace_back(ref, answer);
  }
  std::vector<AttemptRef> Live() const override {
    std::vector<AttemptRef> refs;
    for (const auto& [ref, since] : live_) refs.push_back(ref);
    return refs;
  }
  bool IsLive(const AttemptRef& ref) const override { return live_.contains(ref); }
  std::optional<Millis> Age(const AttemptRef& ref) const override {
    auto found = live_.find(ref);
    return found == live_.end() ? std::nullopt : std::optional(clock_.SteadyNow() - found->second);
  }
  std::string Describe(const AttemptRef&) const override { return "It was still working."; }
  int Room() const override { return can_start ? room : 0; }
  void SetCollectorSettings(std::map<std::string, std::string>) override {}
  Figures figures() const override { return {}; }

  void Gone(const AttemptRef& ref) { live_.erase(ref); }

  struct Stopped {
    AttemptRef ref;
    StopReason reason;
    bool force;
  };
  std::vector<supervisor::AttemptSpec> started;
  std::vector<Stopped> stopped;
  std::vector<std::pair<AttemptRef, TurnAnswer>> answers;
  std::function<void(const AttemptRef&, StopReason)> on_stop;
  bool can_start = true;
  int room = 1'000;

 private:
  const os::Clock& clock_;
  std::map<AttemptRef, os::Steady> live_;
};

class EngineTest : public ::testing::Test {
 protected:
  EngineTest() {
    std::string pattern = ::testing::TempDir() + "engine-XXXXXX";
    dir_ = mkdtemp(pattern.data());
    store::StoreOptions options;
    options.path = dir_ + "/forager.db";
    options.busy_timeout = Millis{400};
    store_ = store::StoreService::Open(options).value();
    store_->OnCommit([](const store::Committed&) {});
    policy_.node = "node-1";
    policy_.automatic = true;
    policy_.max_running = 4;
    policy_.types = Types();
    calls_ = std::make_unique<StoreCalls>(*loop_, *store_);
    RecorderHooks hooks;
    hooks.slot_freed = [this] { dispatcher_->Wake(); };
    hooks.priority_of = [](const std::string&) { return 7; };
    hooks.retry_at = [this](WallTime when) { retries_at_.push_back(when); };
    hooks.overflow = [](const AttemptRef&) {};
    hooks.refused = [this](const AttemptRef& ref) { refused_.push_back(ref); };
    hooks.max_pending = [this] { return max_pending_; };
    hooks.logged = [](const AttemptRef&, const std::vector<LogLine>&) {};
    recorder_ = std::make_unique<Recorder>(*loop_, clock_, *calls_, hooks);
    dispatcher_ =
        std::make_unique<Dispatcher>(*loop_, clock_, *calls_, supervisor_, *recorder_, policy_);
    monitor_ =
        std::make_unique<Monitor>(*loop_, clock_, *calls_, supervisor_, *recorder_,
                                  [this]() -> const Policy& { return dispatcher_->policy(); });
  }
  ~EngineTest() override {
    store_.reset();
    std::filesystem::remove_all(dir_);
  }

  static std::shared_ptr<const TypeCatalog> Types() {
    TypeSettings type;
    type.entity_type = "community";
    type.collector = "web";
    type.max_children = 5;
    return std::make_shared<const TypeCatalog>(
        TypeSettings{}, std::map<std::string, TypeSettings>{{"community", type}});
  }

  // Turns the loop until `done`, at most ten seconds.
  void Until(const std::function<bool()>& done) {
    if (done()) return;
    bool late = false;
    auto look = loop_->Every(Millis{1}, [&] {
      if (done()) loop_->Stop();
    });
    auto bound = loop_->After(Millis{10'000}, [&] {
      late = true;
      loop_->Stop();
    });
    loop_->Run();
    ASSERT_FALSE(late) << "waited for ten seconds";
  }

  template <typename T>
  T Ask(const std::function<Result<T>(store::Store&)>& work) {
    std::optional<T> answer;
    auto done = store_->WriteAndWait([&](store::Store& store) -> Result<void> {
      auto result = work(store);
      if (!result) return std::unexpected(result.error());
      answer = std::move(*result);
      return {};
    });
    EXPECT_TRUE(done) << done.error().detail;
    return std::move(*answer);
  }

  std::string Submitted(const std::string& entity_type = "community") {
    NewJob job;
    job.entity_type = entity_type;
    job.job_type = "discovery";
    WallTime now = clock_.Now();
    return Ask<Job>([&](store::Store& store) { return store.Submit(job, 5, 1'000'000, now); })
        .job_id;
  }
  // Submitted, claimed, and its process started.
  AttemptRef Running() {
    std::string id = Submitted();
    dispatcher_->Wake();
    Until([&] {
      return !supervisor_.started.empty() && supervisor_.started.back().ref.job_id == id;
    });
    return supervisor_.started.back().ref;
  }
  Job Find(const std::string& id) {
    return Ask<Job>([&](store::Store& store) { return store.Find(id); });
  }
  Attempt LastAttempt(const std::string& id) {
    return Ask<std::vector<Attempt>>([&](store::Store& store) { return store.Attempts(id); })
        .back();
  }

  void Ended(AttemptRef ref, ProcessEnd process, std::optional<ResultEvent> result = {}) {
    AttemptEnd end;
    end.process = process;
    end.result = std::move(result);
    end.usage = Usage{};
    end.released = true;
    supervisor_.Gone(ref);
    recorder_->OnEnded(ref, end);
    Until([&] { return !recorder_->Owns(ref); });
  }
  void OnRequest() {
    Policy policy = policy_;
    policy.automatic = false;
    dispatcher_->SetPolicy(policy);
  }
  static ResultEvent Good() {
    ResultEvent result;
    result.completed = true;
    return result;
  }

  std::string dir_;
  FakeClock clock_;
  std::unique_ptr<os::EventLoop> loop_ = os::EventLoop::Make();
  std::unique_ptr<store::StoreService> store_;
  FakeSupervisor supervisor_{clock_};
  Policy policy_;
  std::unique_ptr<StoreCalls> calls_;
  std::unique_ptr<Recorder> recorder_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::unique_ptr<Monitor> monitor_;
  std::vector<WallTime> retries_at_;
  std::vector<AttemptRef> refused_;
  std::int64_t max_pending_ = 1'000'000;
};

}  // namespace forager::scheduler
