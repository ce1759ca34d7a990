// Schedules: made, changed, and stepped from one due time to the next together with their jobs.
#include <fmt/format.h>

#include <charconv>

#include "store/rows.h"
#include "store/sql_store.h"

namespace forager::store {
namespace {

constexpr int kMostWaiting = 100;  // pending jobs of one schedule
constexpr int kRunsKept = 200;

Schedule ReadSchedule(const Rows& rows) {
  Schedule schedule;
  ScheduleSpec& spec = schedule.spec;
  int c = 0;
  schedule.id = rows.Int(c++);
  spec.name = rows.Text(c++);
  spec.cron = rows.MaybeText(c++);
  spec.run_at = rows.MaybeTime(c++);
  spec.time_zone = rows.Text(c++);
  spec.overlap = ParseOverlap(rows.View(c++)).value_or(Overlap::kSkip);
  spec.missed = ParseMissed(rows.View(c++)).value_or(Missed::kOnce);
  spec.max_catch_up = static_cast<int>(rows.Int(c++));
  spec.paused = rows.Int(c++) != 0;
  spec.job = rows.Text(c++);
  schedule.next_run_at = rows.MaybeTime(c++);
  schedule.last_due_at = rows.MaybeTime(c++);
  schedule.last_result = rows.MaybeText(c++);
  schedule.last_job_id = rows.MaybeText(c++);
  schedule.submitted = rows.Int(c++);
  schedule.skipped = rows.Int(c++);
  schedule.missed_runs = rows.Int(c++);
  schedule.revision = rows.Int(c++);
  schedule.created_at = rows.MaybeTime(c++).value_or(WallTime{});
  schedule.updated_at = rows.MaybeTime(c++).value_or(WallTime{});
  schedule.active_jobs = rows.Int(c++);
  return schedule;
}

Error NameTaken(const std::string& name) {
  return {
      ErrorCode::kConflict, fmt::format("There is a schedule named \"{}\" already.", name), {}, {}};
}

}  // namespace

Schedule SqlStore::MustReadSchedule(std::int64_t id) {
  Rows rows = db_.Query("schedule_by_id", {id});
  if (!rows.Next()) throw DatabaseError(Fault::kCorrupt, "a schedule just written is not there");
  return ReadSchedule(rows);
}

void SqlStore::TouchedSchedule(std::int64_t id, const std::string& name, bool deleted) {
  if (committed_.schedules.size() < Committed::kMostSchedules)
    committed_.schedules.push_back({id, name, deleted});
}

Result<Schedule> SqlStore::CreateSchedule(const ScheduleSpec& spec,
                                          std::optional<WallTime> next_run_at, int most,
                                          WallTime now) {
  return Guard([&]() -> Result<Schedule> {
    {
      Rows rows = db_.Query("count_schedules", {});
      rows.Next();
      if (rows.Int(0) >= most) {
        return forager::Fail(ErrorCode::kConflict,
                             fmt::format("There are {} schedules, and no more may be made.", most));
      }
    }
    std::int64_t id = 0;
    {
      Rows rows =
          db_.Query("insert_schedule", {spec.name, spec.cron, spec.run_at, spec.time_zone,
                                        Name(spec.overlap), Name(spec.missed), spec.max_catch_up,
                                        spec.paused, spec.job, next_run_at, now});
      if (!rows.Next()) return std::unexpected(NameTaken(spec.name));
      id = rows.Int(0);
      rows.Next();
    }
    TouchedSchedule(id, spec.name);
    return MustReadSchedule(id);
  });
}

Result<Schedule> SqlStore::FindSchedule(const std::string& id_or_name) {
  return Guard([&]() -> Result<Schedule> {
    std::int64_t id = 0;
    auto [end, error] =
        std::from_chars(id_or_name.data(), id_or_name.data() + id_or_name.size(), id);
    bool number = error == std::errc{} && end == id_or_name.data() + id_or_name.size();
    Rows rows =
        number ? db_.Query("schedule_by_id", {id}) : db_.Query("schedule_by_name", {id_or_name});
    if (rows.Next()) return ReadSchedule(rows);
    return forager::Fail(ErrorCode::kNotFound, "There is no such schedule.");
  });
}

Result<Page<Schedule>> SqlStore::Schedules(int page, int page_size) {
  return Guard([&]() -> Result<Page<Schedule>> {
    Page<Schedule> result;
    {
      Rows rows = db_.Query("count_schedules", {});
      rows.Next();
      result.total = rows.Int(0);
    }
    std::int64_t offset = static_cast<std::int64_t>(page - 1) * page_size;
    Rows rows = db_.Query("schedules", {page_size, offset});
    while (rows.Next()) result.items.push_back(ReadSchedule(rows));
    return result;
  });
}

Result<Schedule> SqlStore::ChangeSchedule(const Schedule& known, const ScheduleSpec& spec,
                                          std::optional<WallTime> next_run_at, WallTime now) {
  return Guard([&]() -> Result<Schedule> {
    {
      Rows rows = db_.Query("schedule_name_taken", {spec.name, known.id});
      if (rows.Next()) return std::unexpected(NameTaken(spec.name));
    }
    if (db_.Execute("change_schedule",
                    {known.id, known.revision, spec.name, spec.cron, spec.run_at, spec.time_zone,
                     Name(spec.overlap), Name(spec.missed), spec.max_catch_up, spec.paused,
                     spec.job, next_run_at, now}) != 1) {
      return forager::Fail(ErrorCode::kConflict,
                           "The schedule was changed by another just now; look again.");
    }
    TouchedSchedule(known.id, spec.name);
    return MustReadSchedule(known.id);
  });
}

Result<void> SqlStore::DeleteSchedule(const Schedule& schedule) {
  return Guard([&]() -> Result<void> {
    db_.Execute("delete_schedule_runs", {schedule.id});
    db_.Execute("delete_schedule", {schedule.id});
    TouchedSchedule(schedule.id, schedule.spec.name, true);
    return {};
  });
}

Result<std::vector<ScheduleRun>> SqlStore::ScheduleRuns(std::int64_t id, int limit) {
  return Guard([&]() -> Result<std::vector<ScheduleRun>> {
    std::vector<ScheduleRun> runs;
    Rows rows = db_.Query("schedule_runs", {id, limit});
    while (rows.Next()) {
      runs.push_back({rows.MaybeTime(0).value_or(WallTime{}),
                      rows.MaybeTime(1).value_or(WallTime{}), rows.Text(2), rows.Text(3),
                      rows.MaybeText(4), rows.MaybeText(5)});
    }
    return runs;
  });
}

Result<std::vector<Schedule>> SqlStore::DueSchedules(WallTime now, int limit) {
  return Guard([&]() -> Result<std::vector<Schedule>> {
    std::vector<Schedule> due;
    Rows rows = db_.Query("due_schedules", {now, limit});
    while (rows.Next()) due.push_back(ReadSchedule(rows));
    return due;
  });
}

Result<std::optional<WallTime>> SqlStore::NextScheduleDue() {
  return Guard([&]() -> Result<std::optional<WallTime>> {
    Rows rows = db_.Query("next_schedule_due", {});
    if (!rows.Next()) return std::nullopt;
    return rows.MaybeTime(0);
  });
}

void SqlStore::NoteRun(std::int64_t schedule_id, WallTime due_at, RunKind kind, RunResult result,
                       const std::optional<std::string>& job_id,
                       const std::optional<std::string>& message, WallTime now) {
  db_.Execute("insert_schedule_run",
              {schedule_id, due_at, now, Name(kind), Name(result), job_id, message});
}

// The jobs of earlier runs that are not over, as the overlap rule finds them.
SqlStore::Earlier SqlStore::EarlierRuns(std::int64_t schedule_id) {
  Earlier earlier;
  Rows rows = db_.Query("active_schedule_jobs", {schedule_id});
  while (rows.Next()) {
    earlier.job_ids.push_back(rows.Text(0));
    if (rows.View(1) == Name(State::kPending)) {
      ++earlier.waiting;
      earlier.pending.insert(earlier.job_ids.back());
    }
  }
  return earlier;
}

void SqlStore::CancelEarlier(const Earlier& earlier, WallTime now) {
  for (const std::string& job_id : earlier.job_ids) {
    if (earlier.pending.contains(job_id)) {
      if (db_.Execute("cancel_pending_job", {job_id, now, false}) == 1)
        CountById(HistoryEvent::kCancelled, job_id, now);
    } else {
      CancelRunning(job_id, false, now);
    }
    Touched(job_id);
  }
}

Job SqlStore::InsertOfSchedule(NewJob job, const std::string& name, WallTime due_at,
                               int default_priority, WallTime now) {
  job.run_at = due_at;
  job.initiated_by = "schedule:" + name;
  Job made = Insert(job, default_priority, now);
  WriteInserted(now);
  // The due time is the request: dispatch starts it in either mode.
  db_.Execute("request_job", {made.job_id, now, UnixMillis(now)});
  committed_.requested = true;
  return made;
}

// Why this due time makes no job, if so.
std::optional<std::string> SqlStore::WhyNoRun(const ScheduleStep& step, const Earlier& earlier) {
  const ScheduleSpec& spec = step.schedule.spec;
  if (!step.job) return step.refusal;
  if (spec.overlap == Overlap::kSkip && !earlier.job_ids.empty()) {
    return fmt::format("{} of an earlier run is not over.", earlier.job_ids.front());
  }
  if (spec.overlap == Overlap::kQueue && earlier.waiting >= kMostWaiting) {
    return fmt::format("{} jobs of this schedule wait already.", earlier.waiting);
  }
  if (auto holder = HolderOf(step.job->unique_key)) {
    return fmt::format("{} with its unique_key is pending or running.", *holder);
  }
  return std::nullopt;
}

// How many of its due times can be decided now: one that would make a job waits until there is room
// for it. Changes nothing.
Result<std::size_t> SqlStore::DecidableDues(const ScheduleStep& step, const Earlier& earlier,
                                            std::int64_t max_pending) {
  bool cancels = step.schedule.spec.overlap == Overlap::kCancelOld;
  if (!step.job || step.dues.empty() || WhyNoRun(step, cancels ? Earlier{} : earlier))
    return step.dues.size();
  std::int64_t room = RoomLeft(max_pending);
  std::int64_t freed = cancels ? static_cast<std::int64_t>(earlier.pending.size()) : 0;
  if (room + freed < 1) return std::unexpected(NoRoom(room, max_pending));
  return std::min(step.dues.size(), static_cast<std::size_t>(room + freed));
}

Result<bool> SqlStore::StepSchedule(const ScheduleStep& step, int default_priority,
                                    std::int64_t max_pending, WallTime now) {
  return Guard([&]() -> Result<bool> {
    const Schedule& known = step.schedule;
    Earlier earlier = EarlierRuns(known.id);
    // Before the first change: a schedule that waits for room must not undo what others wrote.
    auto decidable = DecidableDues(step, earlier, max_pending);
    if (!decidable) return std::unexpected(decidable.error());
    std::span dues(step.dues.data(), *decidable);
    auto next =
        dues.size() < step.dues.size() ? std::optional(step.dues[dues.size()].at) : step.next;
    std::optional<WallTime> newest =
        dues.empty() ? step.newest_missed : std::optional(dues.back().at);
    if (db_.Execute("step_schedule",
                    {known.id, known.next_run_at, known.revision, next, newest, now}) != 1) {
      return false;
    }
    std::int64_t submitted = 0, skipped = 0;
    std::optional<std::string> last_job;
    std::optional<std::string_view> result;
    if (step.missed > 0 && step.newest_missed) {
      NoteRun(known.id, *step.newest_missed, RunKind::kCatchUp, RunResult::kMissed, std::nullopt,
              step.missed_words, now);
      result = Name(RunResult::kMissed);
    }
    for (const ScheduleStep::Due& due : dues) {
      {
        Rows rows = db_.Query("schedule_run_decided", {known.id, due.at});
        if (rows.Next()) continue;  // next_run_at was set back by hand
      }
      RunKind kind = due.late ? RunKind::kCatchUp : RunKind::kDue;
      if (step.job && known.spec.overlap == Overlap::kCancelOld)
        CancelEarlier(std::exchange(earlier, {}), now);
      if (auto why = WhyNoRun(step, earlier)) {
        NoteRun(known.id, due.at, kind, RunResult::kSkipped, std::nullopt, why, now);
        result = Name(RunResult::kSkipped);
        ++skipped;
        continue;
      }
      TakeRoom(1);
      last_job = InsertOfSchedule(*step.job, known.spec.name, due.at, default_priority, now).job_id;
      NoteRun(known.id, due.at, kind, RunResult::kSubmitted, last_job, std::nullopt, now);
      result = Name(RunResult::kSubmitted);
      ++submitted;
      ++earlier.waiting;  // made together: they count against the bound, not against the rule
    }
    db_.Execute("count_schedule_runs",
                {known.id, submitted, skipped, step.missed, result, last_job, now});
    db_.Execute("trim_schedule_runs", {known.id, kRunsKept});
    TouchedSchedule(known.id, known.spec.name);
    return true;
  });
}

Result<Job> SqlStore::RunScheduleNow(const Schedule& schedule, const NewJob& job,
                                     int default_priority, std::int64_t max_pending, WallTime now) {
  return Guard([&]() -> Result<Job> {
    if (auto room = CheckRoom(1, max_pending); !room) return std::unexpected(room.error());
    if (Earlier earlier = EarlierRuns(schedule.id); earlier.waiting >= kMostWaiting) {
      return forager::Fail(ErrorCode::kConflict,
                           fmt::format("{} jobs of this schedule wait already.", earlier.waiting));
    }
    if (auto holder = HolderOf(job.unique_key)) {
      return forager::Fail(
          ErrorCode::kConflict,
          fmt::format("Job {} with unique_key \"{}\" is pending or running already.", *holder,
                      *job.unique_key));
    }
    Job made = InsertOfSchedule(job, schedule.spec.name, now, default_priority, now);
    NoteRun(schedule.id, now, RunKind::kManual, RunResult::kSubmitted, made.job_id, std::nullopt,
            now);
    db_.Execute("count_schedule_runs",
                {schedule.id, 1, 0, 0, Name(RunResult::kSubmitted), made.job_id, now});
    db_.Execute("trim_schedule_runs", {schedule.id, kRunsKept});
    TouchedSchedule(schedule.id, schedule.spec.name);
    return made;
  });
}

}  // namespace forager::store
