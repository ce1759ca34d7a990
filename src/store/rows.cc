#include "store/rows.h"

#include <fmt/format.h>

#include <cmath>

#include "store/canonical_json.h"

namespace forager::store {
namespace {

template <typename T>
std::optional<T> Narrow(std::optional<std::int64_t> value) {
  if (!value) return std::nullopt;
  return static_cast<T>(*value);
}

std::optional<Millis> ReadMinutes(std::optional<double> minutes) {
  if (!minutes || !(*minutes >= 0) || *minutes > 1e9) return std::nullopt;
  return Millis{std::llround(*minutes * 60'000)};
}

std::string WriteRef(const AttemptRef& ref, const std::string& more) {
  return fmt::format("[{},{}{}]", JsonString(ref.job_id), ref.attempt, more);
}

}  // namespace

std::string WriteRefs(std::span<const AttemptRef> refs) {
  std::string text;
  for (const AttemptRef& ref : refs) text += (text.empty() ? "[" : ",") + WriteRef(ref, "");
  return text.empty() ? "[]" : text + "]";
}

std::string WriteRefs(std::span<const std::string> names) {
  std::string text;
  for (const std::string& name : names)
    text += (text.empty() ? "[[" : ",[") + JsonString(name) + "]";
  return text.empty() ? "[]" : text + "]";
}

std::string WriteRefs(std::span<const ResetOrder> orders) {
  std::string text;
  for (const ResetOrder& order : orders)
    text += (text.empty() ? "[" : ",") + WriteRef(order.ref, "," + JsonString(order.message));
  return text.empty() ? "[]" : text + "]";
}

Job ReadJob(const Rows& rows) {
  Job job;
  int c = 0;
  job.job_id = rows.Text(c++);
  job.entity_type = rows.Text(c++);
  job.job_type = rows.Text(c++);
  job.entity_id = rows.MaybeText(c++);
  job.search_query = rows.MaybeText(c++);
  job.target_url = rows.MaybeText(c++);
  job.search_filters = rows.MaybeText(c++);
  job.priority = static_cast<int>(rows.Int(c++));
  job.run_at = rows.MaybeTime(c++);
  job.max_attempts = Narrow<int>(rows.MaybeInt(c++));
  job.timeout = ReadMinutes(rows.MaybeReal(c++));
  job.parent_job_id = rows.MaybeText(c++);
  job.initiated_by = rows.MaybeText(c++);
  job.unique_key = rows.MaybeText(c++);
  job.status = ParseState(rows.View(c++)).value_or(State::kFailed);
  job.attempt = static_cast<int>(rows.Int(c++));
  job.tries_used = static_cast<int>(rows.Int(c++));
  job.crashes = static_cast<int>(rows.Int(c++));
  job.interruptions = static_cast<int>(rows.Int(c++));
  job.items_found = rows.Int(c++);
  job.changes_detected = rows.Int(c++);
  job.approved_changes = rows.Int(c++);
  job.new_entities_found = rows.Int(c++);
  job.unreadable_events = rows.Int(c++);
  job.progress.percent = rows.MaybeReal(c++);
  job.progress.stage = rows.MaybeText(c++);
  job.progress.message = rows.MaybeText(c++);
  job.progress.updated_at = rows.MaybeTime(c++);
  job.error_message = rows.MaybeText(c++);
  job.error_class = rows.MaybeText(c++);
  job.created_at = rows.MaybeTime(c++).value_or(WallTime{});
  job.started_at = rows.MaybeTime(c++);
  job.completed_at = rows.MaybeTime(c++);
  job.updated_at = rows.MaybeTime(c++).value_or(WallTime{});
  job.node = rows.MaybeText(c++);
  job.lease_expires_at = rows.MaybeTime(c++);
  job.cancel_requested_at = rows.MaybeTime(c);
  // A cancel request with an unreadable time is still one.
  if (!rows.IsNull(c) && !job.cancel_requested_at) job.cancel_requested_at = job.updated_at;
  ++c;
  job.cancel_forced = rows.Int(c++) != 0;
  return job;
}

Attempt ReadAttempt(const Rows& rows) {
  Attempt attempt;
  int c = 0;
  attempt.ref.job_id = rows.Text(c++);
  attempt.ref.attempt = static_cast<int>(rows.Int(c++));
  attempt.node = rows.MaybeText(c++);
  attempt.pid = Narrow<int>(rows.MaybeInt(c++));
  attempt.started_at = rows.MaybeTime(c++);
  attempt.ended_at = rows.MaybeTime(c++);
  attempt.released_at = rows.MaybeTime(c++);
  attempt.outcome = rows.MaybeText(c++);
  attempt.error_class = rows.MaybeText(c++);
  attempt.error_message = rows.MaybeText(c++);
  attempt.exit_code = Narrow<int>(rows.MaybeInt(c++));
  attempt.signal = Narrow<int>(rows.MaybeInt(c++));
  attempt.cpu_user_ms = rows.MaybeInt(c++);
  attempt.cpu_system_ms = rows.MaybeInt(c++);
  attempt.max_rss_kb = rows.MaybeInt(c++);
  attempt.survivors = Narrow<int>(rows.MaybeInt(c++));
  attempt.snapshot = rows.MaybeText(c++);
  return attempt;
}

Change ReadChange(const Rows& rows) {
  Change change;
  int c = 0;
  change.id = rows.Int(c++);
  change.job_id = rows.Text(c++);
  change.attempt = static_cast<int>(rows.Int(c++));
  change.entity_type = rows.Text(c++);
  change.entity_id = rows.MaybeText(c++);
  change.is_new_entity = rows.Int(c++) != 0;
  change.proposed_entity_data = rows.MaybeText(c++);
  change.field_name = rows.MaybeText(c++);
  change.old_value = rows.MaybeText(c++);
  change.new_value = rows.MaybeText(c++);
  change.change_type = rows.Text(c++);
  change.status = rows.Text(c++);
  change.confidence = rows.Real(c++);
  change.source_url = rows.MaybeText(c++);
  change.evidence = rows.MaybeText(c++);
  change.created_at = rows.MaybeTime(c++).value_or(WallTime{});
  return change;
}

RunningJob ReadRunningJob(const Rows& rows, WallTime lease_now) {
  RunningJob running;
  running.ref = {rows.Text(0), static_cast<int>(rows.Int(1))};
  running.entity_type = rows.Text(2);
  running.timeout = ReadMinutes(rows.MaybeReal(3));
  running.node = rows.MaybeText(4);
  running.started_at = rows.MaybeTime(5);
  running.updated_at = rows.MaybeTime(6).value_or(WallTime{});
  auto lease_expires_at = rows.MaybeTime(7);
  running.leased = lease_expires_at && *lease_expires_at > lease_now;
  running.attempt_started_at = rows.MaybeTime(10);
  running.has_open_attempt = rows.Int(11) != 0;
  return running;
}

LogLine ReadLogLine(const Rows& rows) {
  LogLine line;
  int c = 0;
  line.id = rows.Int(c++);
  line.timestamp = rows.MaybeTime(c++).value_or(WallTime{});
  line.attempt = static_cast<int>(rows.Int(c++));
  line.level = ParseLogLevel(rows.View(c++)).value_or(LogLevel::kInfo);
  line.stage = rows.MaybeText(c++);
  line.message = rows.Text(c++);
  line.log_data = rows.MaybeText(c++);
  return line;
}

}  // namespace forager::store
