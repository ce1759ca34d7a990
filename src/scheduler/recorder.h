// Turns what attempts say, and the way they end, into store transactions, each guarded by job id,
// attempt and state. Holds what could not be written (a full disk) and writes it when it can; the
// slot is held until then. Lives on the event loop.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "job/type_catalog.h"
#include "os/clock.h"
#include "scheduler/ending.h"
#include "scheduler/log_budget.h"
#include "scheduler/store_calls.h"
#include "supervisor/supervisor.h"

namespace forager::scheduler {

struct RecorderHooks {
  // An attempt's last word is on its way to the store: a claim that follows it finds the slot free
  // and shares its commit.
  std::function<void()> slot_freed;
  std::function<int(const std::string& entity_type)> priority_of;  // of child jobs that name none
  std::function<void(WallTime)> retry_at;                          // a job waits until then
  std::function<void(const AttemptRef&)> overflow;  // says more than can be held: stop it
  // What it says cannot be taken, and its end is decided: stop it.
  std::function<void(const AttemptRef&)> refused;
  std::function<std::int64_t()> max_pending;  // pending jobs that may wait, children among them
  std::function<void(const AttemptRef&, const std::vector<LogLine>&)> logged;  // stored log lines
  std::function<void(const AttemptRef&, const supervisor::TurnQuestion&)> turn_asked;
  // For figures; may be empty.
  std::function<void(const Job&)> claimed;
  std::function<void(const Job&)> started;  // its process runs
  std::function<void(const Ending&, const Written&)> ended;
};

class Recorder : public supervisor::AttemptObserver {
 public:
  Recorder(os::EventLoop& loop, const os::Clock& clock, StoreCalls& calls, RecorderHooks hooks);

  // A claimed job whose process is about to be started.
  void Track(const Job& job, const TypeSettings& type, Millis timeout);
  // A claimed job that gets no process: its attempt ends with this.
  void EndUnstarted(const Job& job, const TypeSettings& type, const Failed& why);
  // The attempt is this server's, from its claim until its last word is stored.
  bool Owns(const AttemptRef& ref) const {
    return attempts_.contains(ref) || unwritten_.contains(ref);
  }
  std::size_t owned() const { return attempts_.size() + unwritten_.size(); }
  // What waits to be stored, of all attempts.
  std::size_t held_bytes() const { return held_; }
  // Outcomes that wait for a store that cannot be written.
  std::size_t unwritten() const { return failed_writes_; }

  // An order that could not be stored: the row follows with the attempt's end. False: it has ended,
  // or is not this server's.
  bool CancelAtEnd(const AttemptRef& ref);
  bool ResetAtEnd(const store::ResetOrder& order, bool requeue);

  void OnStarted(const AttemptRef& ref, int pid) override;
  void OnEvents(const AttemptRef& ref, std::vector<Event> events) override;
  void OnLost(const AttemptRef& ref, const Lost& lost) override;
  void OnTurnAsked(const AttemptRef& ref, const supervisor::TurnQuestion& question) override {
    hooks_.turn_asked(ref, question);
  }
  void OnEnded(const AttemptRef& ref, const AttemptEnd& end) override;
  void OnReleased(const AttemptRef& ref, const Usage& usage) override;
  void OnQuarantined(const AttemptRef& ref) override;
  void OnKeeperRestarted(const std::string& why) override;

  struct Figures {
    std::uint64_t late_words = 0;  // refused, of fenced attempts
    std::uint64_t refused = 0;     // news and outcomes given up, since the database refuses them
  };
  const Figures& figures() const { return figures_; }

 private:
  struct Live {
    Job job;
    RetryPolicy retry;
    Millis timeout{};
    std::optional<int> pid;
    bool pid_stored = false;
    store::AttemptNews news;
    LogBudget logs;
    WallTime dropped_told{};
    std::int64_t dropped_then = 0;  // lines, when it was told last
    std::size_t held = 0;           // bytes of the news, also of those on their way
    std::size_t waiting_logs = 0;   // bytes of logs in the news
    int children = 0;               // said so far
    int max_children = 0;
    int refusals = 0;               // of its news, by the database
    std::optional<Failed> refusal;  // how it ends
    bool cancelled = false;         // by orders that could not be stored
    std::optional<store::ResetOrder> reset;
    bool requeue = false;
    os::Steady claimed{};
    bool dirty = false;
    bool writing = false;
    std::shared_ptr<Ending>
        ending;  // waits for the news on their way: what they fail to store is its
  };
  void Flush();
  void FlushOne(Live& live);
  void MarkDirty(Live& live);
  void Take(Live& live, Event& event);
  void Log(Live& live, LogLine line);
  // Leaves of its log rows what the budget keeps, and says what it does not.
  void Trim(Live& live, bool last);
  void TakeChild(Live& live, NewJob child);
  void Refuse(Live& live, Failed why, const std::vector<NewJob>& children);
  void NotStored(Live& live, store::AttemptNews news, const Error& error);
  void EndNotStored(const std::shared_ptr<Ending>& ending, const Error& error);
  void End(std::shared_ptr<Ending> ending);
  void Finish(Live& live, std::shared_ptr<Ending> ending);
  void Write(std::shared_ptr<Ending> ending);
  void Wrote(const Ending& ending, const Written& written);
  void WriteRelease(const AttemptRef& ref, const Usage& usage);

  os::EventLoop& loop_;
  const os::Clock& clock_;
  StoreCalls& calls_;
  RecorderHooks hooks_;
  std::map<AttemptRef, Live> attempts_;
  std::map<AttemptRef, std::shared_ptr<Ending>> unwritten_;  // endings on their way to the store
  std::size_t failed_writes_ = 0;
  std::size_t held_ = 0;
  os::EventLoop::Token flush_timer_;
  std::map<AttemptRef, os::EventLoop::Token> retry_timers_;
  Figures figures_;
};

}  // namespace forager::scheduler
