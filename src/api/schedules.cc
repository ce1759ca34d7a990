// Schedules: list, create, change, delete, run now, runs, preview.
#include <fmt/format.h>

#include "api/body.h"
#include "api/handlers.h"
#include "api/object_writer.h"
#include "api/problem.h"
#include "api/query.h"
#include "api/routes.h"
#include "api/schedule_body.h"
#include "calendar/timetable.h"
#include "job/codec.h"

namespace forager::api {
namespace {

using calendar::Timetable;

constexpr int kMostSchedules = 1'000;
constexpr int kNextShown = 10;
constexpr int kMaxPageSize = 100;
constexpr int kMaxRuns = 200;

std::string NextRuns(const Timetable& table, WallTime after) {
  return WriteArray(table.NextAfter(after, kNextShown), [&](WallTime due) {
    return ObjectWriter().Time("at", due).Text("local", table.Local(due)).Take();
  });
}

ObjectWriter ScheduleJson(const Schedule& schedule) {
  const ScheduleSpec& spec = schedule.spec;
  auto table = Timetable::Of(spec.cron, spec.run_at, spec.time_zone);
  ObjectWriter body;
  body.Int("id", schedule.id)
      .Text("name", spec.name)
      .TextOrNull("cron", spec.cron)
      .Time("run_at", spec.run_at)
      .Text("time_zone", spec.time_zone)
      .TextOrNull("words", table ? std::optional(table->Words()) : std::nullopt)
      .Text("overlap", Name(spec.overlap))
      .Text("missed", Name(spec.missed))
      .Int("max_catch_up", spec.max_catch_up)
      .Bool("paused", spec.paused)
      .Raw("job", spec.job)
      .Time("next_run_at", spec.paused ? std::nullopt : schedule.next_run_at)
      .Time("last_due_at", schedule.last_due_at)
      .TextOrNull("last_result", schedule.last_result)
      .TextOrNull("last_job_id", schedule.last_job_id)
      .Int("active_jobs", schedule.active_jobs)
      .Int("submitted", schedule.submitted)
      .Int("skipped", schedule.skipped)
      .Int("missed_runs", schedule.missed_runs)
      .Time("created_at", schedule.created_at)
      .Time("updated_at", schedule.updated_at);
  return body;
}

// Due for so long, a schedule is held up by something.
constexpr Millis kHeldUp{2'000};

// Why a due time makes no job yet: it waits for room, and is not lost.
std::optional<std::string> WhyWaiting(const Call& call, const Schedule& schedule,
                                      std::int64_t pending) {
  bool due = schedule.next_run_at && *schedule.next_run_at + kHeldUp < call.Now();
  std::int64_t most = call.control().max_pending();
  if (!due || schedule.spec.paused || pending < most) return std::nullopt;
  return fmt::format(
      "It is due and waits: there are {} pending jobs, and at most {} may wait (max_pending).",
      pending, most);
}

Result<std::int64_t> PendingJobs(const Call& call, store::Store& store) {
  auto stats = store.GetStats(call.Now());
  if (!stats) return std::unexpected(stats.error());
  return stats->pending_jobs;
}

// With the next runs: from the stored next one on, which is what will happen.
std::string WholeJson(const Schedule& schedule,
                      const std::optional<std::string>& waiting = std::nullopt) {
  const ScheduleSpec& spec = schedule.spec;
  auto table = Timetable::Of(spec.cron, spec.run_at, spec.time_zone);
  bool comes = table && schedule.next_run_at && !spec.paused;
  return ScheduleJson(schedule)
      .TextOrNull("waiting", waiting)
      .Raw("next_runs", comes ? NextRuns(*table, *schedule.next_run_at - Millis(1)) : "[]")
      .Take();
}

std::string RunJson(const ScheduleRun& run) {
  return ObjectWriter()
      .Time("due_at", run.due_at)
      .Time("at", run.decided_at)
      .Text("kind", run.kind)
      .Text("result", run.result)
      .TextOrNull("job_id", run.job_id)
      .TextOrNull("message", run.message)
      .Take();
}

Result<NewJob> JobOf(const ScheduleSpec& spec) {
  auto job = ParseNewJob(spec.job);
  if (job) return job;
  return Fail(ErrorCode::kConflict, "The schedule's job is not valid: " + job.error().detail);
}

}  // namespace

Result<ReadWork> ListSchedules(const Call& call) {
  Query query(call.request);
  int page = query.Int("page", 1, 1'000, 1);
  int page_size = query.Int("page_size", 1, kMaxPageSize, kMaxPageSize);
  if (auto error = query.error()) return std::unexpected(*error);
  return [&call, page, page_size](store::Store& store) -> Result<http::Response> {
    auto listed = store.Schedules(page, page_size);
    if (!listed) return std::unexpected(listed.error());
    auto pending = PendingJobs(call, store);
    if (!pending) return std::unexpected(pending.error());
    auto write = [&](const Schedule& schedule) {
      return ScheduleJson(schedule)
          .TextOrNull("waiting", WhyWaiting(call, schedule, *pending))
          .Take();
    };
    return Json(200, ObjectWriter()
                         .Raw("schedules", WriteArray(listed->items, write))
                         .Int("total", listed->total)
                         .Int("page", page)
                         .Int("page_size", page_size)
                         .Take());
  };
}

Result<WriteWork> CreateSchedule(const Call& call) {
  auto change = ReadScheduleBody(call.request.body);
  if (!change) return std::unexpected(change.error());
  return [&call, change = std::move(*change)](store::Store& store) -> Result<Answer> {
    WallTime now = call.Now();
    auto made = ApplyToNew(change, now);
    if (!made) return std::unexpected(made.error());
    auto schedule = store.CreateSchedule(made->spec, made->next_run_at, kMostSchedules, now);
    if (!schedule) return std::unexpected(schedule.error());
    return [schedule = std::move(*schedule)] {
      http::Response response = Json(201, WholeJson(schedule));
      response.headers.emplace_back("Location", fmt::format("{}/schedules/{}", kBase, schedule.id));
      return response;
    };
  };
}

Result<ReadWork> GetSchedule(const Call& call) {
  return [&call](store::Store& store) -> Result<http::Response> {
    auto schedule = store.FindSchedule(call.id);
    if (!schedule) return std::unexpected(schedule.error());
    auto pending = PendingJobs(call, store);
    if (!pending) return std::unexpected(pending.error());
    return Json(200, WholeJson(*schedule, WhyWaiting(call, *schedule, *pending)));
  };
}

Result<WriteWork> ChangeSchedule(const Call& call) {
  auto change = ReadScheduleBody(call.request.body);
  if (!change) return std::unexpected(change.error());
  return [&call, change = std::move(*change)](store::Store& store) -> Result<Answer> {
    auto known = store.FindSchedule(call.id);
    if (!known) return std::unexpected(known.error());
    WallTime now = call.Now();
    auto made = ApplyTo(*known, change, now);
    if (!made) return std::unexpected(made.error());
    auto schedule = store.ChangeSchedule(*known, made->spec, made->next_run_at, now);
    if (!schedule) return std::unexpected(schedule.error());
    return [schedule = std::move(*schedule)] { return Json(200, WholeJson(schedule)); };
  };
}

Result<WriteWork> DeleteSchedule(const Call& call) {
  return [&call](store::Store& store) -> Result<Answer> {
    auto schedule = store.FindSchedule(call.id);
    if (!schedule) return std::unexpected(schedule.error());
    if (auto gone = store.DeleteSchedule(*schedule); !gone) return std::unexpected(gone.error());
    return [schedule = std::move(*schedule)] {
      return Json(200, ObjectWriter()
                           .Text("message", "Deleted schedule " + schedule.spec.name)
                           .Int("id", schedule.id)
                           .Take());
    };
  };
}

Result<WriteWork> RunSchedule(const Call& call) {
  return [&call](store::Store& store) -> Result<Answer> {
    auto schedule = store.FindSchedule(call.id);
    if (!schedule) return std::unexpected(schedule.error());
    auto job = JobOf(schedule->spec);
    if (!job) return std::unexpected(job.error());
    int priority = call.control().types()->Get(job->entity_type).priority;
    auto made =
        store.RunScheduleNow(*schedule, *job, priority, call.control().max_pending(), call.Now());
    if (!made) return std::unexpected(made.error());
    return [made = std::move(*made)] {
      http::Response response = Json(201, WriteJob(made));
      response.headers.emplace_back("Location", fmt::format("{}/jobs/{}", kBase, made.job_id));
      return response;
    };
  };
}

Result<ReadWork> GetScheduleRuns(const Call& call) {
  Query query(call.request);
  int limit = query.Int("limit", 1, kMaxRuns, 20);
  if (auto error = query.error()) return std::unexpected(*error);
  return [&call, limit](store::Store& store) -> Result<http::Response> {
    auto schedule = store.FindSchedule(call.id);
    if (!schedule) return std::unexpected(schedule.error());
    auto runs = store.ScheduleRuns(schedule->id, limit);
    if (!runs) return std::unexpected(runs.error());
    return Json(200, ObjectWriter()
                         .Int("schedule_id", schedule->id)
                         .Raw("runs", WriteArray(*runs, RunJson))
                         .Take());
  };
}

Result<http::Response> PreviewSchedule(const Call& call) {
  auto preview = ReadPreviewBody(call.request.body);
  if (!preview) return std::unexpected(preview.error());
  auto table = Timetable::Of(preview->cron, std::nullopt, preview->time_zone);
  if (!table) return std::unexpected(WrongFields({table.error()}));
  return Json(200, ObjectWriter()
                       .Text("cron", preview->cron)
                       .Text("time_zone", preview->time_zone)
                       .Text("words", table->Words())
                       .Raw("next_runs", NextRuns(*table, preview->from.value_or(call.Now())))
                       .Take());
}

}  // namespace forager::api
