// The bodies of the schedule routes: what a user gave, and what it makes of a schedule.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "job/error.h"
#include "job/schedule.h"

namespace forager::api {

// Members that were given; cron and run_at replace each other.
struct ScheduleChange {
  std::optional<std::string> name, time_zone, job;
  std::optional<std::string> cron;
  std::optional<WallTime> run_at;
  std::optional<Overlap> overlap;
  std::optional<Missed> missed;
  std::optional<int> max_catch_up;
  std::optional<bool> paused;
};
Result<ScheduleChange> ReadScheduleBody(std::string_view text);

struct ScheduleMade {
  ScheduleSpec spec;
  std::optional<WallTime> next_run_at;
};
Result<ScheduleMade> ApplyToNew(const ScheduleChange& change, WallTime now);
Result<ScheduleMade> ApplyTo(const Schedule& known, const ScheduleChange& change, WallTime now);

struct Preview {
  std::string cron, time_zone = "UTC";
  std::optional<WallTime> from;
};
Result<Preview> ReadPreviewBody(std::string_view text);

}  // namespace forager::api
