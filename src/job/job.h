// A job, its attempts, and what they leave behind, as every layer sees them. Plain values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "job/error_class.h"
#include "job/state.h"
#include "job/time.h"

namespace forager {

// One run of a job. The attempt number is the fencing token: never reused.
struct AttemptRef {
  std::string job_id;
  int attempt = 0;
  auto operator<=>(const AttemptRef&) const = default;
};

// What a user submits. JSON members are kept as text: the store never looks inside.
struct NewJob {
  std::string entity_type;
  std::string job_type;
  std::optional<std::string> entity_id;
  std::optional<std::string> search_query;
  std::optional<std::string> target_url;
  std::optional<std::string>
      search_filters;           // a JSON object; location, community_id, builder_id live in it
  std::optional<int> priority;  // none: the type's, else 5
  std::optional<WallTime> run_at;
  std::optional<int> max_attempts;  // none: the type's
  std::optional<Millis> timeout;    // none: the type's
  std::optional<std::string> parent_job_id;
  std::optional<std::string> initiated_by;
  std::optional<std::string> unique_key;
};

struct Progress {
  std::optional<double> percent;  // 0 to 100
  std::optional<std::string> stage;
  std::optional<std::string> message;
  std::optional<WallTime> updated_at;
};

struct Job {
  std::string job_id;
  std::string entity_type;
  std::string job_type;
  std::optional<std::string> entity_id;
  std::optional<std::string> search_query;
  std::optional<std::string> target_url;
  std::optional<std::string> search_filters;
  int priority = 5;
  std::optional<WallTime> run_at;
  std::optional<int> max_attempts;
  std::optional<Millis> timeout;
  std::optional<std::string> parent_job_id;
  std::optional<std::string> initiated_by;
  std::optional<std::string> unique_key;

  State status = State::kPending;
  int attempt = 0;        // the last attempt's number; 0 = never started
  int tries_used = 0;     // attempts that count against max_attempts since the last requeue
  int crashes = 0;        // of them, crashes
  int interruptions = 0;  // attempts given back since the last request
  std::int64_t items_found = 0;
  std::int64_t changes_detected = 0;
  std::int64_t approved_changes = 0;
  std::int64_t new_entities_found = 0;
  std::int64_t unreadable_events = 0;  // of all attempts, wholly or in part
  Progress progress;
  std::optional<std::string> error_message;
  std::optional<std::string> error_class;
  WallTime created_at{};
  std::optional<WallTime> started_at;
  std::optional<WallTime> completed_at;
  WallTime updated_at{};
  std::optional<std::string> node;
  std::optional<WallTime> lease_expires_at;
  std::optional<WallTime> cancel_requested_at;
  bool cancel_forced = false;
};

// The row of one attempt. Its `outcome` is "completed", "cancelled" or the name of an error class.
struct Attempt {
  AttemptRef ref;
  std::optional<std::string> node;
  std::optional<int> pid;
  std::optional<WallTime> started_at;
  std::optional<WallTime> ended_at;
  std::optional<WallTime> released_at;  // its process tree is proven empty: the slot is free
  std::optional<std::string> outcome;
  std::optional<std::string> error_class;
  std::optional<std::string> error_message;
  std::optional<int> exit_code;
  std::optional<int> signal;
  std::optional<std::int64_t> cpu_user_ms;
  std::optional<std::int64_t> cpu_system_ms;
  std::optional<std::int64_t> max_rss_kb;
  std::optional<int> survivors;         // processes that outlived the collector and were killed
  std::optional<std::string> snapshot;  // JSON: what it was doing when it hung
};

enum class LogLevel { kDebug, kInfo, kWarning, kError };
std::string_view Name(LogLevel level);  // DEBUG, INFO, WARNING, ERROR
std::optional<LogLevel> ParseLogLevel(std::string_view name);

struct LogLine {
  std::int64_t id = 0;
  WallTime timestamp{};
  int attempt = 0;
  LogLevel level = LogLevel::kInfo;
  std::optional<std::string> stage;
  std::string message;
  std::optional<std::string> log_data;  // JSON
};

// A proposed difference to an entity, waiting for review.
struct Change {
  std::int64_t id = 0;
  std::string job_id;
  int attempt = 0;
  std::string entity_type;
  std::optional<std::string> entity_id;
  bool is_new_entity = false;
  std::optional<std::string> proposed_entity_data;  // JSON object, with is_new_entity
  std::optional<std::string> field_name;
  std::optional<std::string> old_value;  // JSON value
  std::optional<std::string> new_value;  // JSON value
  std::string change_type = "added";     // added, modified, removed
  std::string status = "pending";
  double confidence = 0;
  std::optional<std::string> source_url;
  std::optional<std::string> evidence;  // JSON object
  WallTime created_at{};
};

}  // namespace forager
