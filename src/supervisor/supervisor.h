// Starts, watches and stops attempts. Each is a process tree of its own under the keeper, watched
// by three clocks: heartbeat, progress, deadline. Lives on the main event loop; never touches the
// store. The scheduler gives orders here and is told what happened through an Observer.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "job/event.h"
#include "job/job.h"
#include "job/outcome.h"
#include "job/turn.h"
#include "job/type_catalog.h"
#include "os/clock.h"
#include "os/event_loop.h"
#include "os/mount_view.h"

namespace forager::supervisor {

struct AttemptSpec {
  AttemptRef ref;
  std::string collector;             // "web", "selftest", or "command"
  std::vector<std::string> command;  // argv, for "command"
  std::string directory;             // where it runs, absolute; "": its scratch directory
  std::map<std::string, std::string> environment;  // beside what is always set
  Output output = Output::kEvents;
  std::string job_json;              // WriteAttemptJob; goes over the attempt's input pipe
  Millis timeout{30 * 60'000};
  Millis heartbeat_timeout{30'000};
  Millis stall_timeout{10 * 60'000};
  bool heartbeat_set = false;  // by somebody: it counts for commands that never spoke, too
  Millis grace{10'000};
  TreeLimits limits;
};

// An attempt asks when it may send its next request.
struct TurnQuestion {
  AskTurnEvent asked;
  os::Steady deadline{};  // of the attempt
  bool first = true;      // it has had no turn yet
};

// A line the process wrote to stdout or stderr that is not an event, or a notice of the
// supervisor's own.
struct AttemptObserver {
  virtual ~AttemptObserver() = default;
  virtual void OnStarted(const AttemptRef& ref, int pid) = 0;
  // Events in the order they were said, but no heartbeats and no result (that comes with the end);
  // other output arrives as LogEvents with stage "stdout" or "stderr".
  virtual void OnEvents(const AttemptRef& ref, std::vector<Event> events) = 0;
  // What it said since the last time and what OnEvents does not bring.
  struct Lost {
    std::int64_t unreadable_events = 0;  // wholly or in part; the log says why
    std::int64_t lines = 0, bytes = 0;   // of a flood of output
    bool empty() const { return unreadable_events == 0 && lines == 0; }
  };
  virtual void OnLost(const AttemptRef&, const Lost&) {}
  // At once, and one at a time: a built-in collector waits for Supervisor::Answer.
  virtual void OnTurnAsked(const AttemptRef& ref, const TurnQuestion& question) = 0;
  // Exactly once per attempt: how it ended. `end.released` false: the tree is not yet proven empty,
  // and OnReleased follows. A process that could not be started ends with NotStarted.
  virtual void OnEnded(const AttemptRef& ref, const AttemptEnd& end) = 0;
  virtual void OnReleased(const AttemptRef& ref, const Usage& usage) = 0;
  // Still not empty 30 s after SIGKILL: the slot stays held until OnReleased.
  virtual void OnQuarantined(const AttemptRef& ref) = 0;
  virtual void OnKeeperRestarted(const std::string& why) = 0;
};

struct SupervisorOptions {
  std::string data_dir;                  // scratch directories and the attempts' lock live here
  std::string run_as;                    // user of attempts when the server is root; "" = no change
  std::vector<std::string> keeper_argv;  // default: /proc/self/exe keeper
  std::map<std::string, std::string>
      collector_settings;  // handed to built-in collectors with the job (user agent, LLM key ...)
  unsigned umask = 0022;          // of attempts
  os::ProtectedFiles files = {};  // of the server; no command sees or changes them
  int max_connections = 1'000;    // whose descriptors are not for attempts
};

// Attempts are killed so long before the server's leases end.
inline constexpr Millis kKillBeforeLeaseEnd{5'000};

class Supervisor {
 public:
  virtual ~Supervisor() = default;  // kills what is left
  // Ends what a dead server left and starts the keeper; an error in words when it cannot. The
  // caller must be the one server of the data directory, or a living one's attempts would be ended.
  // To be called on the thread that lives as long as the process (the keeper dies with the thread
  // that started it).
  static Result<std::unique_ptr<Supervisor>> Make(os::EventLoop& loop, const os::Clock& clock,
                                                  SupervisorOptions options,
                                                  AttemptObserver& observer);

  virtual void Start(AttemptSpec spec) = 0;
  // TERM to the tree, its grace, then KILL until it is empty. `force`: no grace. A later, harsher
  // order hastens an earlier one; the first reason stays.
  virtual void Stop(const AttemptRef& ref, StopReason reason, bool force) = 0;
  // To a question of OnTurnAsked; nothing happens when it is no longer asked.
  virtual void Answer(const AttemptRef& ref, const TurnAnswer& answer) = 0;
  // Attempts whose tree is not proven empty.
  virtual std::vector<AttemptRef> Live() const = 0;
  virtual bool IsLive(const AttemptRef& ref) const = 0;
  // How long the attempt runs by the steady clock; none when it is not live.
  virtual std::optional<Millis> Age(const AttemptRef& ref) const = 0;
  // What each limit leaves the attempts that have not ended.
  struct Left {
    Millis limit{0}, left{0};
    bool rests = false;  // then all of it is left
  };
  struct Watched {
    AttemptRef ref;
    Left deadline, heartbeat, stall;
    bool stopping = false;
    bool speaks = true;  // false: a command that has not spoken our protocol
    std::string signs;   // one sentence: the signs of life seen, and when
  };
  // Of one job, or of all.
  virtual std::vector<Watched> Watching(const std::string& /*job_id*/ = "") const { return {}; }
  // One sentence, such as "It had made no progress for 12 minutes.": what reset-stuck says of it.
  virtual std::string Describe(const AttemptRef& ref) const = 0;
  // For attempts started from now on.
  virtual void SetCollectorSettings(std::map<std::string, std::string> settings) = 0;
  virtual void SetProtectedFiles(os::ProtectedFiles) {}
  // Jobs that keep a state directory here, and the order to remove one: when its job is completed
  // or gone.
  virtual std::vector<std::string> JobsWithState() const { return {}; }
  virtual void ForgetState(const std::string&) {}
  // Another server may start our attempts from then on, unless this is said again: they are ended
  // 5 s before, by the keeper, whatever becomes of this process. Never called: leases hold.
  virtual void LeasesHoldUntil(os::Steady) {}
  // How many may be started now; 0 without a keeper, and while the system has no room for more.
  virtual int Room() const = 0;
  // Starts are possible, though others may have to be under way first.
  virtual bool CanStart() const { return Room() > 0; }
  struct Figures {
    std::uint64_t started = 0, killed = 0, keeper_restarts = 0, quarantined = 0;
    int keeper_pid = 0;
  };
  virtual Figures figures() const = 0;
};

// The worker's side, passed in so that this layer does not know it: warm loads what every attempt
// needs before any fork; run does one attempt and returns the exit code of its process.
struct WorkerEntry {
  void (*warm)() = nullptr;
  int (*run)(const std::string& collector, int in_fd, int out_fd) = nullptr;
};

// `forager keeper`: the keeper's own main, executed by the supervisor. Returns the exit code.
int KeeperMain(int argc, char** argv, const WorkerEntry& worker);

// What this machine offers: "pid_namespaces", "user_namespaces", "seccomp", "landlock", "cgroup",
// "signs_of_life" -> yes or why not.
std::map<std::string, std::string> ProbeSandbox();

}  // namespace forager::supervisor
