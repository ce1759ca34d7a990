// A cron expression: five fields as crontab(5) has them, and L, #, ?, @daily. It knows the calendar
// and no time zone; due_times.h brings the two together. doc/schedules.md says what it accepts.
#pragma once

#include <array>
#include <bitset>
#include <chrono>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace forager::calendar {

using LocalMinutes = std::chrono::local_time<std::chrono::minutes>;

class Cron {
 public:
  // What is wrong, as the end of a sentence that begins with the field's name.
  static std::expected<Cron, std::string> Parse(std::string_view text);

  // The first minute at or after `from` that it names; none within 40 years.
  std::optional<LocalMinutes> Next(LocalMinutes from) const;
  // It names every hour of the day, so it counts on when clocks change.
  bool EveryHour() const { return hours.all(); }

  std::bitset<60> minutes;
  std::bitset<24> hours;
  std::bitset<32> days;  // 1-31
  bool last_day = false;
  std::bitset<13> months;                      // 1-12
  std::bitset<7> weekdays;                     // 0: Sunday
  std::array<std::bitset<6>, 7> nth_weekdays;  // of the month, 1-5
  std::bitset<7> last_weekdays;                // of the month
  bool days_starred = false;                   // the field begins with * or is ?
  bool weekdays_starred = false;               // when neither is, either is enough

 private:
  bool Names(std::chrono::year_month_day date) const;
};

// In words: "At 02:30 on Monday to Friday".
std::string Words(const Cron& cron);

}  // namespace forager::calendar
