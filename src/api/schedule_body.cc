#include "api/schedule_body.h"

#include <algorithm>
#include <boost/json.hpp>

#include "api/body.h"
#include "api/problem.h"
#include "calendar/timetable.h"
#include "job/codec.h"

namespace forager::api {
namespace {

constexpr std::size_t kMaxCron = 1'000;  // the expression's own bound says it better
constexpr std::size_t kMaxJob = 80 * 1024;

bool IsName(std::string_view name) {
  auto letter = [](char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; };
  return !name.empty() && name.size() <= 50 && letter(name[0]) &&
         std::ranges::all_of(name, [&](char c) {
           return letter(c) || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
         });
}

std::optional<std::string> ReadName(MemberReader& reader) {
  auto name = reader.Text("name", 200);
  if (!name) return std::nullopt;
  if (!IsName(*name)) {
    reader.Wrong("name",
                 "must be 1 to 50 of letters, digits, '.', '_' and '-', beginning with a letter");
  } else if (*name == "preview") {
    reader.Wrong("name", "must not be \"preview\": a route has that name");
  }
  return name;
}

// A create body, without what is the schedule's to say.
std::optional<std::string> ReadJob(MemberReader& reader, std::vector<FieldError>& wrong) {
  const boost::json::value* given = reader.Find("job");
  if (!given) return std::nullopt;
  if (!given->is_object()) {
    reader.Wrong("job", "must be an object");
    return std::nullopt;
  }
  std::string text = reader.Exactly("job", *given);
  if (text.size() > kMaxJob) reader.Wrong("job", "must be at most 80 KiB");
  auto parsed = ParseNewJob(text);
  if (!parsed) {
    if (parsed.error().fields.empty()) reader.Wrong("job", parsed.error().detail);
    for (const FieldError& field : parsed.error().fields)
      wrong.push_back({"job." + field.field, field.message});
  }
  for (std::string_view name : {"run_at", "initiated_by", "parent_job_id"}) {
    const boost::json::value* member = given->get_object().if_contains(name);
    if (member && !member->is_null())
      reader.Wrong("job." + std::string(name), "is the schedule's to say");
  }
  return text;
}

template <typename Value>
std::optional<Value> ReadRule(MemberReader& reader, std::string_view name,
                              std::optional<Value> (*parse)(std::string_view),
                              std::string_view allowed) {
  auto text = reader.Text(name, 100);
  if (!text) return std::nullopt;
  auto value = parse(*text);
  if (!value) reader.Wrong(name, "must be " + std::string(allowed));
  return value;
}

std::optional<bool> ReadFlag(MemberReader& reader, std::string_view name) {
  const boost::json::value* value = reader.Find(name);
  if (!value) return std::nullopt;
  if (!value->is_bool()) {
    reader.Wrong(name, "must be true or false");
    return std::nullopt;
  }
  return value->get_bool();
}

Result<ScheduleMade> Made(ScheduleSpec spec, WallTime after) {
  auto table = calendar::Timetable::Of(spec.cron, spec.run_at, spec.time_zone);
  if (!table) return std::unexpected(WrongFields({table.error()}));
  auto next = table->After(after);
  return ScheduleMade{std::move(spec), next};
}

bool InThePast(const ScheduleChange& change, WallTime now) {
  return change.run_at && *change.run_at <= now;
}

Error Past() { return WrongFields({{"run_at", "must lie in the future"}}); }

void Apply(const ScheduleChange& change, ScheduleSpec& spec) {
  auto set = [](const auto& given, auto& member) {
    if (given) member = *given;
  };
  set(change.name, spec.name);
  set(change.time_zone, spec.time_zone);
  set(change.job, spec.job);
  set(change.overlap, spec.overlap);
  set(change.missed, spec.missed);
  set(change.max_catch_up, spec.max_catch_up);
  set(change.paused, spec.paused);
  if (!change.cron && !change.run_at) return;
  spec.cron = change.cron;
  spec.run_at = change.run_at;
}

}  // namespace

Result<ScheduleChange> ReadScheduleBody(std::string_view text) {
  auto body = ReadBody(text);
  if (!body) return std::unexpected(body.error());
  std::vector<FieldError> wrong;
  MemberReader reader(*body, "", wrong, text);
  ScheduleChange change;
  change.name = ReadName(reader);
  change.cron = reader.Text("cron", kMaxCron);
  change.run_at = reader.Time("run_at");
  change.time_zone = reader.Text("time_zone", 100);
  change.overlap = ReadRule(reader, "overlap", ParseOverlap, "skip, queue or cancel_old");
  change.missed = ReadRule(reader, "missed", ParseMissed, "none, once or all");
  change.max_catch_up = reader.Integer("max_catch_up", 1, 100);
  change.paused = ReadFlag(reader, "paused");
  change.job = ReadJob(reader, wrong);
  reader.RefuseOthers();
  if (!wrong.empty()) return std::unexpected(WrongFields(std::move(wrong)));
  return change;
}

Result<ScheduleMade> ApplyToNew(const ScheduleChange& change, WallTime now) {
  std::vector<FieldError> wrong;
  if (!change.name) wrong.push_back({"name", "is required"});
  if (!change.job) wrong.push_back({"job", "is required"});
  ScheduleSpec spec;
  Apply(change, spec);
  auto made = Made(std::move(spec), now);
  if (!made) {
    for (const FieldError& field : made.error().fields) wrong.push_back(field);
  } else if (InThePast(change, now)) {
    return std::unexpected(Past());
  }
  if (!wrong.empty()) return std::unexpected(WrongFields(std::move(wrong)));
  return made;
}

Result<ScheduleMade> ApplyTo(const Schedule& known, const ScheduleChange& change, WallTime now) {
  ScheduleSpec spec = known.spec;
  Apply(change, spec);
  // Never again from before the last due time, whatever the clock says.
  WallTime after = std::max(now, known.last_due_at.value_or(now));
  auto made = Made(std::move(spec), after);
  if (!made) return made;
  if (change.run_at && *change.run_at != known.spec.run_at && InThePast(change, now))
    return std::unexpected(Past());
  bool other_times = made->spec.cron != known.spec.cron || made->spec.run_at != known.spec.run_at ||
                     made->spec.time_zone != known.spec.time_zone;
  bool resumed = known.spec.paused && !made->spec.paused;
  // What is due already stays due; a one-off waits for its missed rule.
  if (!other_times && (!resumed || made->spec.run_at)) made->next_run_at = known.next_run_at;
  return made;
}

Result<Preview> ReadPreviewBody(std::string_view text) {
  auto body = ReadBody(text);
  if (!body) return std::unexpected(body.error());
  std::vector<FieldError> wrong;
  MemberReader reader(*body, "", wrong);
  Preview preview;
  auto cron = reader.Text("cron", kMaxCron);
  if (!cron && wrong.empty()) wrong.push_back({"cron", "is required"});
  preview.cron = cron.value_or("");
  preview.time_zone = reader.Text("time_zone", 100).value_or("UTC");
  preview.from = reader.Time("from");
  reader.RefuseOthers();
  if (!wrong.empty()) return std::unexpected(WrongFields(std::move(wrong)));
  return preview;
}

}  // namespace forager::api
