#include "calendar/timetable.h"

#include <fmt/format.h>

#include "calendar/zones.h"

namespace forager::calendar {

std::expected<Timetable, FieldError> Timetable::Of(const std::optional<std::string>& cron,
                                                   const std::optional<WallTime>& run_at,
                                                   const std::string& time_zone) {
  Timetable table;
  table.zone_ = FindZone(time_zone);
  if (!table.zone_) {
    return std::unexpected(
        FieldError{"time_zone", "must be a time zone of the IANA database, such as Europe/Berlin"});
  }
  if (cron && run_at)
    return std::unexpected(FieldError{"run_at", "and cron exclude each other; give one of them"});
  if (!cron && !run_at) return std::unexpected(FieldError{"cron", "is required, or run_at"});
  if (cron) {
    auto parsed = Cron::Parse(*cron);
    if (!parsed) return std::unexpected(FieldError{"cron", std::move(parsed.error())});
    table.cron_ = *parsed;
  }
  table.once_ = run_at;
  return table;
}

std::optional<WallTime> Timetable::After(WallTime time) const {
  if (cron_) return NextDue(*cron_, *zone_, time);
  return *once_ > time ? once_ : std::nullopt;
}

std::vector<WallTime> Timetable::NextAfter(WallTime time, int count) const {
  if (cron_) return NextDues(*cron_, *zone_, time, count);
  if (auto next = After(time)) return {*next};
  return {};
}

PastDue Timetable::Past(WallTime first, WallTime until, int keep) const {
  if (cron_) return FindPastDue(*cron_, *zone_, first, until, keep);
  if (first > until) return {};
  return {{first}, 1};
}

std::string Timetable::Words() const {
  if (cron_) return calendar::Words(*cron_);
  std::string local = Local(*once_);
  return fmt::format("Once, on {} at {}", local.substr(0, 10), local.substr(11, 5));
}

}  // namespace forager::calendar
