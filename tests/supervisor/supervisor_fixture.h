// A supervisor with a real keeper and real attempts on a data directory of its own.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "os/clock.h"
#include "os/event_loop.h"
#include "supervisor/supervisor.h"

namespace forager::supervisor {

AttemptRef Ref(int number);
AttemptSpec SelfTest(const std::string& job_type, int number = 1,
                     const std::string& filters = "{}");
AttemptSpec Command(std::vector<std::string> command, int number = 1);

// Writes down what it is told, and runs the loop until something holds.
class Witness final : public AttemptObserver {
 public:
  explicit Witness(os::EventLoop& loop) : loop_(loop) {}

  void OnStarted(const AttemptRef& ref, int pid) override {
    started[ref] = pid;
    Look();
  }
  void OnEvents(const AttemptRef& ref, std::vector<Event> more) override;
  void OnTurnAsked(const AttemptRef& ref, const TurnQuestion& question) override {
    asked.push_back({ref, question});
    if (on_asked) on_asked(asked.back());
    Look();
  }
  void OnEnded(const AttemptRef& ref, const AttemptEnd& end) override;
  void OnReleased(const AttemptRef& ref, const Usage& usage) override {
    released[ref] = usage;
    Look();
  }
  void OnQuarantined(const AttemptRef&) override {}
  void OnLost(const AttemptRef&, const Lost& more) override {
    lost.unreadable_events += more.unreadable_events;
    lost.lines += more.lines;
    lost.bytes += more.bytes;
  }
  void OnKeeperRestarted(const std::string& why) override {
    restarts.push_back(why);
    Look();
  }

  // False when it did not come about within the limit.
  bool Until(std::function<bool()> condition,
             std::chrono::milliseconds limit = std::chrono::seconds(30));
  bool Said(const AttemptRef& ref, const std::string& message) const;
  std::string Output(const AttemptRef& ref) const;

  Lost lost;  // of all attempts
  std::map<AttemptRef, int> started;
  std::map<AttemptRef, std::vector<Event>> events;
  struct Asked {
    AttemptRef ref;
    TurnQuestion question;
  };
  std::vector<Asked> asked;
  std::function<void(const Asked&)> on_asked;
  std::map<AttemptRef, AttemptEnd> ended;
  std::map<AttemptRef, os::Steady> ended_at;
  std::map<AttemptRef, Usage> released;
  std::vector<std::string> restarts;

 private:
  void Look() {
    if (condition_ && condition_()) loop_.Stop();
  }
  os::EventLoop& loop_;
  std::function<bool()> condition_;
};

class SupervisorTest : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  void Open(std::string run_as = "");
  // Runs it to its end.
  AttemptEnd Run(AttemptSpec spec);
  // Runs it until its end is known, `meanwhile` once it says `message`.
  AttemptEnd RunAndThen(AttemptSpec spec, const std::string& message,
                        std::function<void()> meanwhile);
  // Living processes of this data directory's attempts.
  std::vector<pid_t> AttemptProcesses() const;
  bool NothingIsLeft();

  std::string dir_;
  std::unique_ptr<os::EventLoop> loop_ = os::EventLoop::Make();
  Witness witness_{*loop_};
  std::unique_ptr<Supervisor> supervisor_;
};

}  // namespace forager::supervisor
