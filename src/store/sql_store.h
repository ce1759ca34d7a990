// The Store, in named statements over a Database. Made by the store service for each connection;
// its methods are spread over sql_store_*.cc by noun. Never begins or ends a transaction.
#pragma once

#include <functional>

#include "store/database.h"
#include "store/list_query.h"
#include "store/store.h"
#include "store/store_service.h"

namespace forager::store {

class SqlStore final : public Store {
 public:
  // `committed` collects what a unit of work touches; it must outlive the store.
  // `pending`, when given, is shared by the units of one transaction: how many jobs wait, once one
  // of them has asked.
  SqlStore(Database& database, Committed& committed, std::optional<std::int64_t>* pending = nullptr)
      : db_(database), committed_(committed), pending_(pending) {}

  // The failure of a statement, if any: what it did in part must be rolled back.
  const std::optional<DatabaseError>& failure() const { return failure_; }

  Result<Job> Submit(const NewJob& job, int default_priority, std::int64_t max_pending,
                     WallTime now) override;
  Result<std::vector<std::string>> SubmitMany(std::span<const NewJob> jobs,
                                              const std::map<std::string, int>& default_priorities,
                                              std::int64_t max_pending, WallTime now) override;
  Result<ClaimResult> Claim(const ClaimRequest& request, WallTime now) override;
  Result<bool> Complete(const AttemptFinal& final, WallTime now) override;
  Result<bool> Fail(const AttemptFinal& final, WallTime now) override;
  Result<bool> Retry(const AttemptFinal& final, WallTime run_at, bool counts_try, bool counts_crash,
                     WallTime now) override;
  Result<bool> Cancel(const AttemptFinal& final, WallTime now) override;
  Result<bool> Interrupt(const AttemptFinal& final, WallTime run_at, bool counts,
                         WallTime now) override;
  Result<bool> Reset(const AttemptRef& ref, const std::string& message, bool requeue,
                     WallTime now) override;
  Result<std::vector<AttemptRef>> ResetAll(std::span<const ResetOrder> orders, bool requeue,
                                           WallTime now) override;
  Result<Job> Requeue(const std::string& job_id, WallTime now) override;
  Result<Job> RequestCancel(const std::string& job_id, bool force, WallTime now) override;
  Result<void> Delete(const std::string& job_id) override;

  Result<void> Started(const AttemptRef& ref, int pid) override;
  Result<bool> Record(const AttemptNews& news, WallTime now) override;
  Result<bool> Release(const AttemptRef& ref, const std::optional<Usage>& usage,
                       WallTime now) override;
  Result<int> ReleaseAll(std::span<const AttemptRef> refs, WallTime now) override;

  Result<void> RegisterNode(const Node& node, WallTime now) override;
  Result<HeartbeatAnswer> Heartbeat(const std::string& node_id, const std::string& boot_id,
                                    int capacity, Millis lease, WallTime now) override;
  Result<void> LeaveNode(const std::string& node_id, const std::string& boot_id) override;
  Result<std::vector<Node>> Nodes(Millis lease, WallTime now) override;
  Result<NodeUse> UseOfNode(const std::string& node_id) override;
  Result<void> DrainNode(const std::string& node_id, bool draining) override;
  Result<std::vector<RunningJob>> LostAttempts(int limit, WallTime now) override;
  Result<std::vector<AttemptRef>> LostSlots(Millis lease, int limit, WallTime now) override;

  Result<void> MoveWaits(Millis by, WallTime now) override;
  Result<std::optional<ClockJump>> LastClockJump() override;

  Result<std::vector<Turn>> ReserveTurns(std::span<const TurnWish> wishes, Millis host_interval,
                                         WallTime now) override;

  Result<std::vector<Order>> Orders(std::span<const AttemptRef> live) override;
  Result<RunningPage> Running(const std::optional<RunningCursor>& after, int limit,
                              WallTime now) override;
  Result<std::vector<Attempt>> Unreleased(const std::optional<std::string>& node,
                                          int limit) override;
  Result<std::vector<AttemptRef>> UnreleasedOf(std::span<const AttemptRef> refs) override;
  Result<std::optional<WallTime>> NextDue(bool only_started_before) override;

  Result<BulkResult> BulkApply(Bulk what, const JobFilter& filter, std::int64_t after, int limit,
                               bool dry_run, WallTime now) override;

  Result<Job> Find(const std::string& job_id) override;
  Result<Job> FindToEnd(const AttemptRef& ref) override;
  // A unit that ends this attempt will be run.
  void ExpectEnd(const AttemptRef& ref);
  void ExpectEnds(std::span<const AttemptRef> refs) override;
  Result<Page<Job>> List(const ListRequest& request) override;
  Result<std::vector<Attempt>> Attempts(const std::string& job_id) override;
  Result<LogPage> Logs(const std::string& job_id, const LogRequest& request) override;
  Result<Page<Change>> Changes(const std::string& job_id, int page, int page_size,
                               const std::optional<std::string>& cursor) override;
  Result<Page<Change>> AllChanges(const ChangeFilter& filter, int page, int page_size,
                                  const std::optional<std::string>& cursor) override;
  Result<Stats> GetStats(WallTime now) override;
  Result<std::vector<TypeTotals>> TotalsByType() override;
  Result<SlotUse> Slots(const std::string& entity_type, const std::string& host) override;
  Result<bool> IsRequested(const std::string& job_id) override;
  Result<int> ReadyBefore(const std::string& job_id) override;

  Result<void> Pause(const std::string& entity_type, WallTime now) override;
  Result<void> Resume(const std::string& entity_type) override;
  Result<std::set<std::string>> Paused() override;

  Result<Schedule> CreateSchedule(const ScheduleSpec& spec, std::optional<WallTime> next_run_at,
                                  int most, WallTime now) override;
  Result<Schedule> FindSchedule(const std::string& id_or_name) override;
  Result<Page<Schedule>> Schedules(int page, int page_size) override;
  Result<Schedule> ChangeSchedule(const Schedule& known, const ScheduleSpec& spec,
                                  std::optional<WallTime> next_run_at, WallTime now) override;
  Result<void> DeleteSchedule(const Schedule& schedule) override;
  Result<std::vector<ScheduleRun>> ScheduleRuns(std::int64_t id, int limit) override;
  Result<std::vector<Schedule>> DueSchedules(WallTime now, int limit) override;
  Result<std::optional<WallTime>> NextScheduleDue() override;
  Result<bool> StepSchedule(const ScheduleStep& step, int default_priority,
                            std::int64_t max_pending, WallTime now) override;
  Result<Job> RunScheduleNow(const Schedule& schedule, const NewJob& job, int default_priority,
                             std::int64_t max_pending, WallTime now) override;

  Result<Token> CreateToken(const std::string& name, const std::string& role,
                            const std::string& hash, WallTime now) override;
  Result<std::vector<Token>> Tokens() override;
  Result<std::optional<Token>> FindToken(const std::string& hash) override;
  Result<void> RevokeToken(std::int64_t id, WallTime now) override;
  Result<void> CreateLoginCode(const std::string& hash, WallTime expires_at) override;
  Result<bool> KnowsLoginCode(const std::string& hash, WallTime now) override;
  Result<bool> UseLoginCode(const std::string& hash, WallTime now) override;
  Result<void> CreateSession(const std::string& hash, const Session& session) override;
  Result<std::optional<Session>> FindSession(const std::string& hash, WallTime now) override;
  Result<void> EndSession(const std::string& hash) override;
  Result<std::vector<std::size_t>> OverCredentials(std::span<const Credential> known,
                                                   WallTime now) override;
  Result<void> TokensUsed(std::span<const TokenUse> uses) override;

  Result<std::optional<IdempotentAnswer>> FindAnswer(const std::string& token,
                                                     const std::string& key, WallTime now) override;
  Result<void> KeepAnswer(const std::string& token, const std::string& key,
                          const IdempotentAnswer& answer, WallTime now) override;

  Result<HistoryAnswer> History(HistoryRange range, const std::optional<std::string>& entity_type,
                                WallTime now) override;
  Result<int> PruneHistory(WallTime now, int limit) override;
  Result<int> PruneJobs(WallTime finished_before, int limit) override;
  Result<int> PruneHosts(WallTime last_turn_before, int limit) override;
  Result<int> PruneAccess(WallTime now, int limit) override;

  Result<RaisedAlert> RaiseAlert(const AlertNotice& notice, WallTime now) override;
  Result<void> ToldAlert(std::int64_t id, WallTime now) override;
  Result<std::optional<Alert>> ResolveAlert(const std::string& key, WallTime now) override;
  Result<std::vector<std::string>> DropHeldMessages(std::int64_t alert_id, WallTime now) override;
  Result<std::int64_t> QueueMessage(const NewAlertMessage& message, WallTime now) override;
  Result<std::optional<AlertMessage>> TakeMessage(const std::string& receiver, WallTime until,
                                                  WallTime now) override;
  Result<std::optional<WallTime>> MessageDue(const std::string& receiver) override;
  Result<void> MessageDelivered(std::int64_t id, WallTime now) override;
  Result<void> MessageFailed(std::int64_t id, const std::string& error,
                             std::optional<WallTime> next, WallTime now) override;
  Result<std::vector<Alert>> Alerts(bool only_open, int limit) override;
  Result<std::vector<AlertMessage>> AlertMessages(int limit) override;
  Result<int> PruneAlerts(WallTime before, int limit) override;
  Result<std::optional<WallTime>> LastCompletion() override;

  Result<std::optional<std::string>> Fact(const std::string& name) override;
  Result<void> SetFact(const std::string& name, const std::string& value) override;

 private:
  // A driver's failure becomes the method's error.
  template <typename Method>
  auto Guard(Method method) -> decltype(method()) {
    try {
      return method();
    } catch (const DatabaseError& error) {
      if (!failure_) failure_.emplace(error);  // later ones follow from it
      return std::unexpected(ToError(error));
    }
  }

  std::int64_t RoomLeft(std::int64_t max_pending);
  void TakeRoom(std::size_t jobs);
  static Error NoRoom(std::int64_t room, std::int64_t max_pending);
  Result<void> CheckRoom(std::size_t more, std::int64_t max_pending);
  bool CancelRunning(const std::string& job_id, bool force, WallTime now);
  std::optional<std::string> HolderOf(const std::optional<std::string>& unique_key);
  Job Insert(const NewJob& job, int default_priority, WallTime now,
             std::optional<std::string> child_digest = {});
  void WriteInserted(WallTime now);
  void Count(HistoryEvent event, const std::string& entity_type, WallTime now);
  void CountById(HistoryEvent event, const std::string& job_id, WallTime now);
  Result<bool> End(const AttemptFinal& final, WallTime now, std::optional<HistoryEvent> event,
                   const std::function<void(std::optional<WallTime> started_at)>& move);
  void StoreLogs(const AttemptRef& ref, std::span<const LogLine> lines);
  struct Child {
    NewJob job;
    std::string digest;
  };
  void StoreNews(const AttemptNews& news, std::span<const Child> children, WallTime now);
  Result<std::vector<Child>> NewChildren(const AttemptNews& news);
  void StoreChildren(const AttemptRef& ref, std::span<const Child> children, WallTime now);
  void ResetSome(std::span<const ResetOrder> orders, bool requeue, WallTime now,
                 std::vector<AttemptRef>& reset);
  Result<Job> MustFind(const std::string& job_id, std::string_view statement = "find_job");
  Result<void> MustExist(const std::string& job_id);
  bool PromoteDue(WallTime now);
  void ExpectNextDue(bool only_started_before);
  void ExpectNode(const ClaimRequest& request);
  std::optional<ClaimBlock> BlockOfNode(ClaimRequest& request);
  Result<ClaimResult> ClaimOne(const ClaimRequest& request, WallTime now);
  Result<ClaimResult> ClaimNext(const ClaimRequest& request, WallTime now);
  void ExpectAttempt(std::int64_t id, const ClaimRequest& request, WallTime lease_end,
                     WallTime now);
  std::optional<Job> StartAttempt(std::int64_t id, const ClaimRequest& request, WallTime lease_end,
                                  WallTime now);
  std::int64_t TotalPending();
  // A row that a bulk operation looks at.
  struct BulkRow {
    std::string job_id;
    State status;
    bool slot_held;
    std::optional<std::string> unique_key;
    std::string entity_type;
    bool attended;  // an attempt of it is not proven dead
  };
  void ApplyAll(Bulk what, std::span<const std::int64_t> ids, bool dry_run, WallTime now,
                BulkResult& result);
  bool Applies(Bulk what, const BulkRow& row);
  void Apply(Bulk what, const BulkRow& row, WallTime now);
  Result<BulkResult> ApplyToIds(Bulk what, const JobFilter& filter, std::int64_t after, int limit,
                                bool dry_run, WallTime now);
  std::int64_t CountByTotals(const JobFilter& filter);
  std::vector<Job> JobsById(std::span<const std::int64_t> ids);
  Page<Job> ListByCreation(const ListRequest& request, const std::optional<ListCursor>& cursor);
  Page<Job> ListWindow(const ListRequest& request, const std::optional<ListCursor>& cursor);
  void Touched(const std::string& job_id);

  // Jobs of a schedule's earlier runs that are not over.
  struct Earlier {
    std::vector<std::string> job_ids;  // oldest first
    std::set<std::string> pending;
    int waiting = 0;
  };
  Schedule MustReadSchedule(std::int64_t id);
  void TouchedSchedule(std::int64_t id, const std::string& name, bool deleted = false);
  Earlier EarlierRuns(std::int64_t schedule_id);
  void CancelEarlier(const Earlier& earlier, WallTime now);
  std::optional<std::string> WhyNoRun(const ScheduleStep& step, const Earlier& earlier);
  Result<std::size_t> DecidableDues(const ScheduleStep& step, const Earlier& earlier,
                                    std::int64_t max_pending);
  Job InsertOfSchedule(NewJob job, const std::string& name, WallTime due_at, int default_priority,
                       WallTime now);
  void NoteRun(std::int64_t schedule_id, WallTime due_at, RunKind kind, RunResult result,
               const std::optional<std::string>& job_id, const std::optional<std::string>& message,
               WallTime now);

  // What Insert leaves to WriteInserted, once for many jobs.
  struct NewRow {
    Job job;
    std::string host;
    WallTime eligible{};
    std::optional<std::string> child_digest;
  };
  struct Inserted {
    std::vector<NewRow> jobs;
    std::map<std::string, std::int64_t> by_type;
    std::map<std::pair<std::string, std::string>, std::int64_t>
        heads;  // smallest key per type and host
  };

  Database& db_;
  Committed& committed_;
  std::optional<std::int64_t>* pending_;
  std::optional<DatabaseError> failure_;
  Inserted inserted_;
};

}  // namespace forager::store
