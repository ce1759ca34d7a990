// The contract of the store: one method per transition, each guarded so that nothing can be done
// twice or too late. A Store is one transaction's view, handed to a unit of work by StoreService;
// it is not shared between threads. `now` is always an argument. Implemented once (sql_store) over
// thin drivers.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "job/error.h"
#include "job/event.h"
#include "job/job.h"
#include "job/outcome.h"
#include "job/schedule.h"
#include "store/alert.h"
#include "store/history.h"

namespace forager::store {

// What a caller's limits allow at a claim. A slot is a running job or an attempt not yet released.
struct ClaimLimits {
  int total = 1;
  int per_host = 0;                     // 0: no limit
  std::map<std::string, int> per_type;  // absent: no limit of its own
};

struct ClaimRequest {
  std::string node;  // who takes the lease
  Millis lease{15'000};
  ClaimLimits limits;
  int count = 1;  // at most so many
  bool only_started_before =
      false;  // on_request mode: only automatic retries and returned attempts
  std::optional<std::string> job_id;  // this one, due or not (POST /jobs/{id}/start)
  int capacity = 0;                   // attempts of this node at most; 0: no limit of its own
  bool unless_drained = false;        // nothing while operators let this node run empty
};

enum class ClaimBlock {
  kNone,
  kNothingPending,
  kNothingDue,
  kPaused,
  kTotalLimit,
  kOtherLimits,
  kNotPending,
  kSlotHeld,
  kDraining,  // this node, see ClaimRequest
  kNodeFull,
};

// What a node runs, and whether it may take more.
struct NodeUse {
  bool draining = false;
  int attempts = 0;  // whose process tree is not proven empty
};

struct ClaimResult {
  std::vector<Job> jobs;
  std::int64_t total_pending = 0;        // after the claim, future ones too
  int slots_used = 0;                    // before the claim
  ClaimBlock block = ClaimBlock::kNone;  // why fewer than `count`
};

struct JobFilter {
  std::vector<State> status;
  std::optional<std::string> entity_type;
  std::optional<std::string> job_type;
  std::optional<std::string> q;  // text in query, url or error; scans a bounded number of rows
  std::optional<std::string> parent_job_id;
  std::optional<WallTime> created_after;
  std::optional<WallTime> created_before;
  std::vector<std::string> job_ids;  // bulk operations by id
};

enum class JobSort { kCreatedAt, kStartedAt, kCompletedAt, kUpdatedAt, kPriority };

struct ListRequest {
  JobFilter filter;
  JobSort sort = JobSort::kCreatedAt;
  bool descending = true;
  int page = 1;
  int page_size = 20;
  std::optional<std::string> cursor;  // opaque; from next_cursor
};

template <typename T>
struct Page {
  std::vector<T> items;
  std::int64_t total = 0;
  bool total_capped = false;  // true: `total` is 10,000 and there are more
  std::optional<std::string> next_cursor;
};

// Members that are none match everything.
struct ChangeFilter {
  std::optional<std::string> job_id, entity_type, status, change_type;
};

struct Stats {
  std::int64_t total_jobs = 0, pending_jobs = 0, running_jobs = 0, completed_jobs = 0,
               failed_jobs = 0, cancelled_jobs = 0;
  std::optional<double> success_rate;
  std::optional<double> average_duration;  // seconds, of completed jobs
  std::int64_t total_entities_collected = 0;
  std::int64_t total_changes_detected = 0;
  std::optional<double> oldest_pending_seconds;
};

// The jobs of one entity type, by state.
struct TypeTotals {
  std::string entity_type;
  std::map<State, std::int64_t> jobs;
};

struct LogRequest {
  int limit = 100;
  int offset = 0;
  std::optional<LogLevel> level;  // a minimum
  std::optional<std::string> stage;
  std::optional<int> attempt;
};
struct LogPage {
  std::vector<LogLine> logs;
  std::int64_t total = 0;
};

// What one attempt said since the last time; stored together or not at all.
struct AttemptNews {
  AttemptRef ref;
  std::optional<Progress> progress;  // the newest; members that are none stay as they are
  std::vector<LogLine> logs;
  std::vector<Change> changes;
  std::int64_t items_found = 0;         // to add
  std::int64_t new_entities_found = 0;  // to add
  std::int64_t unreadable_events = 0;   // to add
  // An identical one of the same parent is stored once, whichever attempt submits it.
  std::vector<NewJob> child_jobs;
  // Of the attempt's log rows only the first and the last so many are kept.
  struct KeptLogs {
    std::int64_t first = 0, last = 0;
  };
  std::optional<KeptLogs> keep_logs;
  // Pending jobs that may wait, the child jobs among them.
  std::int64_t max_pending = std::numeric_limits<std::int64_t>::max();
};

// The final word on an attempt: its outcome, what its process did, the last news.
struct AttemptFinal {
  AttemptNews news;
  std::string outcome;  // "completed", "cancelled" or an error class
  std::optional<std::string> error_class;
  std::optional<std::string> error_message;
  std::optional<int> exit_code;
  std::optional<int> signal;
  std::optional<Usage> usage;
  std::optional<std::string> snapshot;
  bool released = false;
};

// A running row that the monitor or reset-stuck may have to deal with.
struct RunningJob {
  AttemptRef ref;
  std::string entity_type;
  std::optional<Millis> timeout;  // the job's own
  std::optional<std::string> node;
  std::optional<WallTime> started_at;
  WallTime updated_at{};
  std::optional<WallTime>
      attempt_started_at;  // of the attempt's row; differs from started_at when edited by hand
  bool has_open_attempt = false;  // an attempt row with this number, not ended
  bool leased = false;            // its lease has not run out
};

// Where a page of running rows ended: the next one begins after it.
struct RunningCursor {
  std::string created_at;
  std::int64_t id = 0;
};
struct RunningPage {
  std::vector<RunningJob> jobs;
  std::optional<RunningCursor> next;  // none: that was the last page
};

// An attempt that is taken from its job, and what the job is told.
struct ResetOrder {
  AttemptRef ref;
  std::string message;
};

// An order to a live attempt, read from its rows.
struct Order {
  AttemptRef ref;
  bool cancel = false;
  bool cancel_forced = false;
  bool fenced = false;  // the job no longer runs this attempt: kill it
};

// A server of this database. A reused host name or pid is no identity: the id is kept in the data
// directory, the boot id is new with each start.
struct Node {
  std::string node_id, name, boot_id, version;
  WallTime started_at{};
  WallTime heartbeat_at{};
  bool draining = false;
  bool lost = false;  // nothing heard for as long as a lease
  int running = 0;    // attempts whose slots it holds
  int capacity = 0;   // it runs at most so many
};

// What a heartbeat brings back.
struct HeartbeatAnswer {
  bool ours = true;  // false: another server has started with this node's id
  bool draining = false;
  int nodes = 1;            // heard of lately, this one too
  int renewed = 0;          // leases
  WallTime database_now{};  // the clock that leases are kept by
};

struct TurnWish {
  std::string host;
  Millis interval{0};  // the smallest gap the host seems to need; 0: not known to the asker
  Millis longest{0};   // at most kLongestTurnWait
};
struct Turn {
  bool granted = false;
  Millis wait{0};      // from now; also of one that is not granted
  Millis interval{0};  // between two turns of the host
  WallTime at{};       // by the clock that leases are kept by
};

struct Token {
  std::int64_t id = 0;
  std::string name;
  std::string role;  // metrics, viewer, operator, admin
  WallTime created_at{};
  std::optional<WallTime> last_used_at;
  std::optional<WallTime> revoked_at;
};

struct TokenUse {
  std::int64_t id = 0;
  WallTime at{};
};

// What somebody showed to be let in.
struct Credential {
  enum class Kind { kToken, kSession };
  Kind kind = Kind::kToken;
  std::string hash;
  auto operator<=>(const Credential&) const = default;
};

struct Session {
  std::string role;
  std::string csrf;
  WallTime expires_at{};
};

struct IdempotentAnswer {
  std::string body_digest;
  int status = 0;
  std::string headers;  // JSON object
  std::string body;
};

struct BulkResult {
  std::int64_t affected = 0;
  std::int64_t skipped_running = 0;
  std::int64_t matched = 0;
  std::vector<std::string> job_ids;  // the first 100
  std::int64_t last_id = 0;          // pass as `after` to go on; 0: done
};

// A schedule goes on from the due time that was read: what to make, and what comes next.
struct ScheduleStep {
  Schedule schedule;             // as read: its next_run_at and revision are the guard
  std::optional<WallTime> next;  // the due time after these
  struct Due {
    WallTime at;
    bool late;  // made good
  };
  std::vector<Due> dues;    // to be run, oldest first
  std::int64_t missed = 0;  // due times that are not
  std::optional<WallTime> newest_missed{};
  std::string missed_words{};
  std::optional<NewJob> job{};  // none: it cannot be made, and `refusal` says why
  std::string refusal{};
};

class Store {
 public:
  virtual ~Store() = default;

  // ---- transitions
  // ------------------------------------------------------------------------------- submit.
  // kUnavailable past `max_pending`; kConflict when unique_key is taken (detail names the job).
  virtual Result<Job> Submit(const NewJob& job, int default_priority, std::int64_t max_pending,
                             WallTime now) = 0;
  // All or nothing. `default_priorities` per entity type. Returns the ids.
  virtual Result<std::vector<std::string>> SubmitMany(
      std::span<const NewJob> jobs, const std::map<std::string, int>& default_priorities,
      std::int64_t max_pending, WallTime now) = 0;
  // claim: attempt + 1, started_at = now, lease, an attempt row; under the limits, in one
  // transaction.
  virtual Result<ClaimResult> Claim(const ClaimRequest& request, WallTime now) = 0;

  // Each of these five ends the attempt `final.news.ref` of a running job, guarded by job id,
  // attempt and state; false means "too late": the final word is not used, but the attempt's own
  // row (its process end and release) is still filled in where empty.
  virtual Result<bool> Complete(const AttemptFinal& final, WallTime now) = 0;
  virtual Result<bool> Fail(const AttemptFinal& final, WallTime now) = 0;
  virtual Result<bool> Retry(const AttemptFinal& final, WallTime run_at, bool counts_try,
                             bool counts_crash, WallTime now) = 0;
  virtual Result<bool> Cancel(const AttemptFinal& final, WallTime now) = 0;
  // Given back, to be started from `run_at` on; `counts` among its interruptions.
  virtual Result<bool> Interrupt(const AttemptFinal& final, WallTime run_at, bool counts,
                                 WallTime now) = 0;

  // reset: running -> failed (or pending with `requeue`, tries start again), fenced before anything
  // is killed.
  virtual Result<bool> Reset(const AttemptRef& ref, const std::string& message, bool requeue,
                             WallTime now) = 0;
  // Many at once; which of them were still running.
  virtual Result<std::vector<AttemptRef>> ResetAll(std::span<const ResetOrder> orders, bool requeue,
                                                   WallTime now) = 0;
  // requeue: failed, cancelled -> pending; kConflict from elsewhere, kNotFound.
  virtual Result<Job> Requeue(const std::string& job_id, WallTime now) = 0;
  // Pending: cancelled at once. Running: cancel_requested_at (and force) set. Finished: kConflict.
  virtual Result<Job> RequestCancel(const std::string& job_id, bool force, WallTime now) = 0;
  // delete: kConflict while running or while its slot is held.
  virtual Result<void> Delete(const std::string& job_id) = 0;

  // ---- news of a live attempt
  // ---------------------------------------------------------------------
  virtual Result<void> Started(const AttemptRef& ref, int pid) = 0;
  // Guarded like a transition; false: too late, nothing was stored. kConflict, also from the five
  // ends above: with its child jobs too many would wait; nothing was stored, and without them it
  // can.
  virtual Result<bool> Record(const AttemptNews& news, WallTime now) = 0;
  // The tree is proven empty: sets released_at (once), fills usage.
  virtual Result<bool> Release(const AttemptRef& ref, const std::optional<Usage>& usage,
                               WallTime now) = 0;
  // The same for many of which nothing else is known; how many were not released before.
  virtual Result<int> ReleaseAll(std::span<const AttemptRef> refs, WallTime now) = 0;

  // ---- nodes
  // --------------------------------------------------------------------------------------- A
  // start: takes the node's row over from its last boot, and ends a drain.
  virtual Result<void> RegisterNode(const Node& node, WallTime now) = 0;
  // Says that the node lives, and renews the lease of every running attempt of it.
  virtual Result<HeartbeatAnswer> Heartbeat(const std::string& node_id, const std::string& boot_id,
                                            int capacity, Millis lease, WallTime now) = 0;
  // The node stopped: nothing of it runs any more.
  virtual Result<void> LeaveNode(const std::string& node_id, const std::string& boot_id) = 0;
  virtual Result<std::vector<Node>> Nodes(Millis lease, WallTime now) = 0;
  virtual Result<NodeUse> UseOfNode(const std::string& node_id) = 0;
  virtual Result<void> DrainNode(const std::string& node_id, bool draining) = 0;  // kNotFound
  // Running jobs whose lease has run out, to be ended in this unit of work; their nodes have ended
  // the processes before. None that another server deals with at this moment.
  virtual Result<std::vector<RunningJob>> LostAttempts(int limit, WallTime now) = 0;
  // Attempts that their jobs have left, on nodes not heard of for a lease: their slots are free.
  virtual Result<std::vector<AttemptRef>> LostSlots(Millis lease, int limit, WallTime now) = 0;

  // ---- the wall clock was set, by `by` to `now`: waits, and the starts of what runs, move along.
  // Times that users gave stay, and what is over keeps its times.
  virtual Result<void> MoveWaits(Millis by, WallTime now) = 0;
  // The last of those moves: when by the clock that was set, and by how much.
  struct ClockJump {
    WallTime at;
    Millis by;
  };
  virtual Result<std::optional<ClockJump>> LastClockJump() = 0;

  // ---- turns at web hosts, one budget for all jobs of all servers
  // ------------------------------------------------------------------------------- A turn comes no
  // sooner after the host's last one than `host_interval`, than the wish asks, and than the host
  // was last known to need. Wishes are served in their order; what cannot be had soon enough is not
  // reserved. By the clock that leases are kept by. kUnavailable while another program holds a
  // host.
  virtual Result<std::vector<Turn>> ReserveTurns(std::span<const TurnWish> wishes,
                                                 Millis host_interval, WallTime now) = 0;

  // ---- supervision reads
  // -------------------------------------------------------------------------- Orders for these
  // live attempts; attempts that simply go on are left out.
  virtual Result<std::vector<Order>> Orders(std::span<const AttemptRef> live) = 0;
  // All of them, page by page, from the first (no cursor) on.
  virtual Result<RunningPage> Running(const std::optional<RunningCursor>& after, int limit,
                                      WallTime now) = 0;
  // Attempts without released_at, oldest first; of one node where it is named.
  virtual Result<std::vector<Attempt>> Unreleased(const std::optional<std::string>& node,
                                                  int limit) = 0;
  // Those of `refs` whose processes are not proven gone.
  virtual Result<std::vector<AttemptRef>> UnreleasedOf(std::span<const AttemptRef> refs) = 0;
  // The next time a waiting job becomes due, if any (only automatic ones with
  // `only_started_before`).
  virtual Result<std::optional<WallTime>> NextDue(bool only_started_before) = 0;

  // ---- bulk: one transaction per call, at most `limit` jobs; go on from `last_id`
  // --------------------
  // kStart asks for pending jobs: they start as soon as a slot is free, in either mode.
  enum class Bulk { kDelete, kRetry, kCancel, kStart };
  virtual Result<BulkResult> BulkApply(Bulk what, const JobFilter& filter, std::int64_t after,
                                       int limit, bool dry_run, WallTime now) = 0;

  // ---- reads
  // --------------------------------------------------------------------------------------
  virtual Result<Job> Find(const std::string& job_id) = 0;  // kNotFound
  // The job of an attempt whose end this unit writes: nobody else changes it until the unit's end.
  virtual Result<Job> FindToEnd(const AttemptRef& ref) = 0;
  // This unit ends all of these, each of another job: what it reads of them comes at once.
  virtual void ExpectEnds(std::span<const AttemptRef> refs) = 0;
  virtual Result<Page<Job>> List(const ListRequest& request) = 0;
  virtual Result<std::vector<Attempt>> Attempts(const std::string& job_id) = 0;
  virtual Result<LogPage> Logs(const std::string& job_id, const LogRequest& request) = 0;
  virtual Result<Page<Change>> Changes(const std::string& job_id, int page, int page_size,
                                       const std::optional<std::string>& cursor) = 0;
  // Of all jobs, newest first. A page may be short and yet have a next_cursor: rare matches are
  // looked for in a bounded number of rows.
  virtual Result<Page<Change>> AllChanges(const ChangeFilter& filter, int page, int page_size,
                                          const std::optional<std::string>& cursor) = 0;
  virtual Result<Stats> GetStats(WallTime now) = 0;
  virtual Result<std::vector<TypeTotals>> TotalsByType() = 0;
  // Slots in use: in all, of this type, of this host; ids of at most ten jobs that hold them.
  struct SlotUse {
    int total = 0, of_type = 0, of_host = 0;
    std::vector<std::string> holders;
  };
  virtual Result<SlotUse> Slots(const std::string& entity_type, const std::string& host) = 0;
  // A pending job that needs no further request: once started, or asked for by kStart.
  virtual Result<bool> IsRequested(const std::string& job_id) = 0;
  // How many ready jobs go before this pending one (counted up to 1,000).
  virtual Result<int> ReadyBefore(const std::string& job_id) = 0;

  // ---- dispatch pauses: "" pauses everything
  // --------------------------------------------------------
  virtual Result<void> Pause(const std::string& entity_type, WallTime now) = 0;
  virtual Result<void> Resume(const std::string& entity_type) = 0;
  virtual Result<std::set<std::string>> Paused() = 0;

  // ---- schedules: at most `most`; kConflict when the name is taken
  // -----------------------------------
  virtual Result<Schedule> CreateSchedule(const ScheduleSpec& spec,
                                          std::optional<WallTime> next_run_at, int most,
                                          WallTime now) = 0;
  virtual Result<Schedule> FindSchedule(const std::string& id_or_name) = 0;  // kNotFound
  virtual Result<Page<Schedule>> Schedules(int page, int page_size) = 0;     // by name
  // `known` as read; kConflict when it was changed since.
  virtual Result<Schedule> ChangeSchedule(const Schedule& known, const ScheduleSpec& spec,
                                          std::optional<WallTime> next_run_at, WallTime now) = 0;
  virtual Result<void> DeleteSchedule(const Schedule& schedule) = 0;
  virtual Result<std::vector<ScheduleRun>> ScheduleRuns(std::int64_t id, int limit) = 0;
  // Not paused and due at `now`, the longest due first.
  virtual Result<std::vector<Schedule>> DueSchedules(WallTime now, int limit) = 0;
  virtual Result<std::optional<WallTime>> NextScheduleDue() = 0;
  // Moves next_run_at on and submits the jobs, or notes why not, in one transaction. False: another
  // did it, or the schedule was changed. kUnavailable past `max_pending`: nothing was done.
  virtual Result<bool> StepSchedule(const ScheduleStep& step, int default_priority,
                                    std::int64_t max_pending, WallTime now) = 0;
  // A run beside its due times, whatever the overlap rule says.
  virtual Result<Job> RunScheduleNow(const Schedule& schedule, const NewJob& job,
                                     int default_priority, std::int64_t max_pending,
                                     WallTime now) = 0;

  // ---- access
  // ---------------------------------------------------------------------------------------
  virtual Result<Token> CreateToken(const std::string& name, const std::string& role,
                                    const std::string& hash, WallTime now) = 0;
  virtual Result<std::vector<Token>> Tokens() = 0;
  virtual Result<std::optional<Token>> FindToken(const std::string& hash) = 0;  // not revoked
  virtual Result<void> RevokeToken(std::int64_t id, WallTime now) = 0;          // kNotFound
  virtual Result<void> CreateLoginCode(const std::string& hash, WallTime expires_at) = 0;
  virtual Result<bool> KnowsLoginCode(const std::string& hash, WallTime now) = 0;
  // Spends the code; false when unknown, spent or expired.
  virtual Result<bool> UseLoginCode(const std::string& hash, WallTime now) = 0;
  virtual Result<void> CreateSession(const std::string& hash, const Session& session) = 0;
  virtual Result<std::optional<Session>> FindSession(const std::string& hash, WallTime now) = 0;
  virtual Result<void> EndSession(const std::string& hash) = 0;
  // Which of these are no longer good, by their place.
  virtual Result<std::vector<std::size_t>> OverCredentials(std::span<const Credential> known,
                                                           WallTime now) = 0;
  // When tokens were last used; an older time changes nothing.
  virtual Result<void> TokensUsed(std::span<const TokenUse> uses) = 0;

  // ---- idempotency: keys are per token, honoured for 24 h
  // --------------------------------------------
  virtual Result<std::optional<IdempotentAnswer>> FindAnswer(const std::string& token,
                                                             const std::string& key,
                                                             WallTime now) = 0;
  virtual Result<void> KeepAnswer(const std::string& token, const std::string& key,
                                  const IdempotentAnswer& answer, WallTime now) = 0;

  // ---- history: for charts, in the same time whatever the number of jobs
  // ---------------------------
  virtual Result<HistoryAnswer> History(HistoryRange range,
                                        const std::optional<std::string>& entity_type,
                                        WallTime now) = 0;

  // ---- retention: one small batch; how many rows went
  // --------------------------------------------------
  virtual Result<int> PruneJobs(WallTime finished_before, int limit) = 0;
  virtual Result<int> PruneHistory(WallTime now, int limit) = 0;
  virtual Result<int> PruneHosts(WallTime last_turn_before, int limit) = 0;
  virtual Result<int> PruneAccess(WallTime now,
                                  int limit) = 0;  // answers, codes, sessions out of date

  // ---- alerts and their outbox
  // --------------------------------------------------------------------
  // Opens the alert of this key, or counts it once more.
  virtual Result<RaisedAlert> RaiseAlert(const AlertNotice& notice, WallTime now) = 0;
  virtual Result<void> ToldAlert(std::int64_t id, WallTime now) = 0;
  // None: it was not open.
  virtual Result<std::optional<Alert>> ResolveAlert(const std::string& key, WallTime now) = 0;
  // What is still held back of an alert is never sent; whose first message that was.
  virtual Result<std::vector<std::string>> DropHeldMessages(std::int64_t alert_id,
                                                            WallTime now) = 0;
  virtual Result<std::int64_t> QueueMessage(const NewAlertMessage& message, WallTime now) = 0;
  // The next message for this receiver that is due. Until `until` nobody else gets it.
  virtual Result<std::optional<AlertMessage>> TakeMessage(const std::string& receiver,
                                                          WallTime until, WallTime now) = 0;
  virtual Result<std::optional<WallTime>> MessageDue(const std::string& receiver) = 0;
  virtual Result<void> MessageDelivered(std::int64_t id, WallTime now) = 0;
  // `next` none: given up.
  virtual Result<void> MessageFailed(std::int64_t id, const std::string& error,
                                     std::optional<WallTime> next, WallTime now) = 0;
  virtual Result<std::vector<Alert>> Alerts(bool only_open, int limit) = 0;  // newest first
  virtual Result<std::vector<AlertMessage>> AlertMessages(int limit) = 0;    // newest first
  virtual Result<int> PruneAlerts(WallTime before, int limit) = 0;
  virtual Result<std::optional<WallTime>> LastCompletion() = 0;

  // Small durable facts by name (admin token made, node id ...).
  virtual Result<std::optional<std::string>> Fact(const std::string& name) = 0;
  virtual Result<void> SetFact(const std::string& name, const std::string& value) = 0;
};

}  // namespace forager::store
