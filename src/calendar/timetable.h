// When a schedule is due: a cron expression in a time zone, or one moment. Made from what a user
// said, which may be wrong; used by the pass that submits runs and by the API that shows them.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "calendar/due_times.h"
#include "job/error.h"

namespace forager::calendar {

class Timetable {
 public:
  // One of `cron` and `run_at`. What is wrong is told by the field's name.
  static std::expected<Timetable, FieldError> Of(const std::optional<std::string>& cron,
                                                 const std::optional<WallTime>& run_at,
                                                 const std::string& time_zone);

  std::optional<WallTime> After(WallTime time) const;
  std::vector<WallTime> NextAfter(WallTime time, int count) const;
  // The due times from `first`, which is one, to `until`.
  PastDue Past(WallTime first, WallTime until, int keep) const;
  std::string Words() const;
  std::string Local(WallTime time) const { return FormatLocal(*zone_, time); }

 private:
  std::optional<Cron> cron_;
  std::optional<WallTime> once_;
  std::shared_ptr<const Zone> zone_;
};

}  // namespace forager::calendar
