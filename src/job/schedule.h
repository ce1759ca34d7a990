// A schedule, its rules and its runs, as every layer sees them. Plain values; when a schedule is
// due is calendar's to say, doc/schedules.md says what the rules mean.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "job/job.h"

namespace forager {

// A job of an earlier run is still pending or running.
enum class Overlap { kSkip, kQueue, kCancelOld };
std::string_view Name(Overlap overlap);  // skip, queue, cancel_old
std::optional<Overlap> ParseOverlap(std::string_view name);

// Due times passed while nobody looked.
enum class Missed { kNone, kOnce, kAll };
std::string_view Name(Missed missed);  // none, once, all
std::optional<Missed> ParseMissed(std::string_view name);

enum class RunKind { kDue, kCatchUp, kManual };
std::string_view Name(RunKind kind);  // due, catch_up, manual
enum class RunResult { kSubmitted, kSkipped, kMissed };
std::string_view Name(RunResult result);  // submitted, skipped, missed

// What a user says.
struct ScheduleSpec {
  std::string name;
  std::optional<std::string> cron;  // one of these two
  std::optional<WallTime> run_at;
  std::string time_zone = "UTC";
  Overlap overlap = Overlap::kSkip;
  Missed missed = Missed::kOnce;
  int max_catch_up = 10;
  bool paused = false;
  std::string job;  // a create body, JSON
};

struct Schedule {
  std::int64_t id = 0;
  ScheduleSpec spec;
  std::optional<WallTime> next_run_at;  // kept while paused; none: nothing comes any more
  std::optional<WallTime> last_due_at;
  std::optional<std::string> last_result;
  std::optional<std::string> last_job_id;
  std::int64_t submitted = 0;
  std::int64_t skipped = 0;
  std::int64_t missed_runs = 0;
  std::int64_t active_jobs = 0;  // of its runs, pending or running
  std::int64_t revision = 0;     // raised by each step and change
  WallTime created_at{};
  WallTime updated_at{};
};

// One due time and what became of it.
struct ScheduleRun {
  WallTime due_at{};
  WallTime decided_at{};
  std::string kind;
  std::string result;
  std::optional<std::string> job_id;
  std::optional<std::string> message;
};

}  // namespace forager
