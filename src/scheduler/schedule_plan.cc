#include "scheduler/schedule_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "calendar/timetable.h"
#include "job/codec.h"

namespace forager::scheduler {
namespace {

constexpr Millis kOnTime{60'000};          // later than this a due time was missed
constexpr std::int64_t kCounted = 10'000;  // FindPastDue counts no further

// How many of the newest due times run, by the missed rule.
std::size_t Runs(const ScheduleSpec& spec, bool newest_on_time) {
  switch (spec.missed) {
    case Missed::kNone:
      return newest_on_time ? 1 : 0;
    case Missed::kOnce:
      return 1;
    case Missed::kAll:
      return static_cast<std::size_t>(std::clamp(spec.max_catch_up, 1, 100));
  }
  return 1;
}

std::string MissedWords(std::int64_t missed, bool uncounted) {
  if (uncounted) return "Some ten thousand due times or more were missed.";
  return missed == 1 ? "1 due time was missed." : fmt::format("{} due times were missed.", missed);
}

void SetJob(store::ScheduleStep& step) {
  auto job = ParseNewJob(step.schedule.spec.job);
  if (job) {
    step.job = std::move(*job);
  } else {
    step.refusal = "Its job is not valid: " + job.error().detail;
  }
}

}  // namespace

store::ScheduleStep PlanStep(const Schedule& schedule, WallTime now) {
  store::ScheduleStep step;
  step.schedule = schedule;
  const ScheduleSpec& spec = schedule.spec;
  WallTime due = *schedule.next_run_at;
  SetJob(step);
  auto table = calendar::Timetable::Of(spec.cron, spec.run_at, spec.time_zone);
  if (!table) {  // edited by hand, or its zone is no more
    step.dues = {{due, false}};
    step.job.reset();
    step.refusal =
        fmt::format("It has no times any more: {} {}.", table.error().field, table.error().message);
    return step;
  }
  auto most = Runs(spec, true);
  calendar::PastDue past = table->Past(due, now, static_cast<int>(most) + 1);
  auto on_time = [&](WallTime time) { return now - time < kOnTime; };
  std::size_t runs = std::min(past.newest.size(), Runs(spec, on_time(past.newest.back())));
  auto first = past.newest.end() - static_cast<std::ptrdiff_t>(runs);
  for (auto time = first; time != past.newest.end(); ++time)
    step.dues.push_back({*time, !on_time(*time)});
  step.missed = past.count - static_cast<std::int64_t>(runs);
  if (first != past.newest.begin()) {
    step.newest_missed = *(first - 1);
    step.missed_words = MissedWords(step.missed, past.count >= kCounted);
  }
  step.next = table->After(std::max(now, past.newest.back()));
  return step;
}

}  // namespace forager::scheduler
