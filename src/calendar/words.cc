// A cron expression in words. It speaks of what the fields mean, not of how they were written.
#include <fmt/format.h>

#include <string>
#include <vector>

#include "calendar/cron.h"

namespace forager::calendar {
namespace {

constexpr std::string_view kMonths[] = {"",        "January",  "February", "March",  "April",
                                        "May",     "June",     "July",     "August", "September",
                                        "October", "November", "December"};
constexpr std::string_view kWeekdays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                          "Thursday", "Friday", "Saturday"};
constexpr std::string_view kNth[] = {"", "first", "second", "third", "fourth", "fifth"};
constexpr std::size_t kTimesNamed = 6;

template <std::size_t N>
std::vector<int> Members(const std::bitset<N>& set) {
  std::vector<int> members;
  for (std::size_t i = 0; i < N; ++i) {
    if (set[i]) members.push_back(static_cast<int>(i));
  }
  return members;
}

std::string Join(const std::vector<std::string>& parts, std::string_view last = "and") {
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) text += i + 1 == parts.size() ? fmt::format(" {} ", last) : ", ";
    text += parts[i];
  }
  return text;
}

bool Contiguous(const std::vector<int>& members) {
  return members.back() - members.front() + 1 == static_cast<int>(members.size());
}

// The step when members are `first`, `first` + step ... to the end of 0 to `size` - 1; else 0.
int StepOf(const std::vector<int>& members, int size) {
  if (members.size() < 2) return 0;
  int step = members[1] - members[0];
  for (std::size_t i = 1; i < members.size(); ++i) {
    if (members[i] - members[i - 1] != step) return 0;
  }
  return members.front() < step && members.back() + step >= size ? step : 0;
}

// "8", "8 to 12", "1, 4 and 7 to 9"
template <typename Say>
std::string Series(const std::vector<int>& members, Say say) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < members.size();) {
    std::size_t end = i;
    while (end + 1 < members.size() && members[end + 1] == members[end] + 1) ++end;
    if (end - i >= 2) {
      parts.push_back(fmt::format("{} to {}", say(members[i]), say(members[end])));
    } else {
      for (std::size_t j = i; j <= end; ++j) parts.push_back(say(members[j]));
    }
    i = end + 1;
  }
  return Join(parts);
}

std::string Number(int value) { return std::to_string(value); }
std::string Month(int month) { return std::string(kMonths[month]); }

std::string MinuteList(const std::vector<int>& minutes) {
  return fmt::format("minute{} {}", minutes.size() == 1 ? "" : "s", Series(minutes, Number));
}

// "every 15 minutes", "minutes 5 and 35": what happens within an hour.
std::string WithinHour(const std::vector<int>& minutes) {
  if (minutes.size() == 60) return "Every minute";
  int step = StepOf(minutes, 60);
  if (step > 0 && 60 % step == 0 && minutes.front() == 0)
    return fmt::format("Every {} minutes", step);
  return "At " + MinuteList(minutes);
}

bool Steady(const std::vector<int>& minutes) {
  int step = StepOf(minutes, 60);
  return minutes.size() == 60 || (step > 0 && 60 % step == 0 && minutes.front() == 0);
}

std::string HourList(const std::vector<int>& hours) {
  return Series(hours, [](int hour) { return fmt::format("{:02}", hour); });
}

// The time of day; `daily` is true when "every day" must still be said.
std::string TimeOfDay(const Cron& cron, bool& daily) {
  auto minutes = Members(cron.minutes);
  auto hours = Members(cron.hours);
  daily = false;
  bool whole_day = hours.size() == 24;
  int hour_step = StepOf(hours, 24);
  if (whole_day && minutes == std::vector{0}) return "Every hour";
  if (whole_day && Steady(minutes)) return WithinHour(minutes);
  if (whole_day) return WithinHour(minutes) + " of every hour";
  if (minutes.size() * hours.size() <= kTimesNamed) {
    std::vector<std::string> times;
    for (int hour : hours) {
      for (int minute : minutes) times.push_back(fmt::format("{:02}:{:02}", hour, minute));
    }
    daily = true;
    return "At " + Join(times);
  }
  if (minutes.size() == 1 && hour_step > 0 && 24 % hour_step == 0) {
    return fmt::format("Every {} hours from {:02}:{:02}", hour_step, hours.front(), minutes[0]);
  }
  if (minutes.size() == 1 && Contiguous(hours)) {
    return fmt::format("Every hour from {:02}:{:02} to {:02}:{:02}", hours.front(), minutes[0],
                       hours.back(), minutes[0]);
  }
  if (Contiguous(hours) && Steady(minutes)) {
    return fmt::format("{} from {:02}:{:02} to {:02}:{:02}", WithinHour(minutes), hours.front(),
                       minutes.front(), hours.back(), minutes.back());
  }
  daily = true;
  return fmt::format("{} of the hour{} {}", WithinHour(minutes), hours.size() == 1 ? "" : "s",
                     HourList(hours));
}

std::string DaysOfMonth(const Cron& cron) {
  auto days = Members(cron.days);
  std::vector<std::string> parts;
  if (!days.empty()) {
    parts.push_back(
        fmt::format("day{} {} of the month", days.size() == 1 ? "" : "s", Series(days, Number)));
  }
  if (cron.last_day) parts.push_back("the last day of the month");
  return Join(parts);
}

std::string Weekdays(const Cron& cron) {
  std::vector<std::string> parts;
  std::vector<int> week;  // from Monday on
  for (int i = 1; i <= 7; ++i) {
    if (cron.weekdays[static_cast<std::size_t>(i % 7)]) week.push_back(i);
  }
  auto name = [](int day) { return std::string(kWeekdays[day % 7]); };
  if (!week.empty()) parts.push_back(Series(week, name));
  for (int day = 1; day <= 7; ++day) {
    auto of_week = static_cast<std::size_t>(day % 7);
    for (int nth : Members(cron.nth_weekdays[of_week]))
      parts.push_back(fmt::format("the {} {} of the month", kNth[nth], name(day)));
    if (cron.last_weekdays[of_week])
      parts.push_back(fmt::format("the last {} of the month", name(day)));
  }
  return Join(parts);
}

}  // namespace

std::string Words(const Cron& cron) {
  bool daily = false;
  std::string text = TimeOfDay(cron, daily);
  bool any_day = cron.days.count() == 31;
  bool any_weekday = cron.weekdays.all();
  bool either = !cron.days_starred && !cron.weekdays_starred;
  auto months = Members(cron.months);
  auto days = Members(cron.days);
  if (either && (any_day || any_weekday)) any_day = any_weekday = true;
  if (any_day && any_weekday) {
    if (daily) text += months.size() == 12 ? " every day" : " on every day";
  } else if (any_weekday && !either && days.size() == 1 && !cron.last_day && months.size() == 1) {
    return fmt::format("{} on {} {}", text, days[0], kMonths[months[0]]);
  } else if (any_weekday) {
    text += " on " + DaysOfMonth(cron);
  } else if (any_day) {
    text += " on " + Weekdays(cron);
  } else {
    text += fmt::format(" on {}{} {}", DaysOfMonth(cron), either ? ", or on" : ", if that is",
                        Weekdays(cron));
  }
  if (months.size() == 12) return text;
  bool span = months.size() > 2 && Contiguous(months);
  return fmt::format("{} {} {}", text, span ? "from" : "in", Series(months, Month));
}

}  // namespace forager::calendar
