#include "calendar/cron.h"

#include <fmt/format.h>

#include <charconv>
#include <span>
#include <vector>

namespace forager::calendar {
namespace {

using std::chrono::local_days;
using std::chrono::year_month_day;

constexpr std::size_t kMaxText = 200;
constexpr int kDaysAhead = 40 * 366;  // weekdays and leap days meet again within 28 years, or 40
constexpr std::string_view kMonths[] = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                        "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
constexpr std::string_view kWeekdays[] = {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};

struct Wrong {
  std::string message;
};

struct Field {
  std::string_view name;
  int low, high;
  std::span<const std::string_view> names = {};
};
constexpr Field kMinute{"minute", 0, 59};
constexpr Field kHour{"hour", 0, 23};
constexpr Field kDay{"day of month", 1, 31};
constexpr Field kMonth{"month", 1, 12, kMonths};
constexpr Field kWeekday{"day of week", 0, 7, kWeekdays};

std::vector<std::string_view> Split(std::string_view text, char by) {
  std::vector<std::string_view> parts;
  for (;;) {
    std::size_t at = text.find(by);
    parts.push_back(text.substr(0, at));
    if (at == text.npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::vector<std::string_view> Fields(std::string_view text) {
  std::vector<std::string_view> fields;
  for (std::string_view part : Split(text, ' ')) {
    if (!part.empty()) fields.push_back(part);
  }
  return fields;
}

[[noreturn]] void Refuse(const Field& field, std::string_view part, std::string_view why) {
  throw Wrong{fmt::format("has \"{}\" as {}: {}", part, field.name, why)};
}

int Number(const Field& field, std::string_view text, std::string_view part, int low, int high) {
  int value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || text[0] == '-' || error != std::errc{} || end != text.data() + text.size() ||
      value < low || value > high) {
    Refuse(field, part, fmt::format("\"{}\" is not from {} to {}", text, low, high));
  }
  return value;
}

int Value(const Field& field, std::string_view text, std::string_view part) {
  for (std::size_t i = 0; i < field.names.size(); ++i) {
    if (field.names[i] == text) return field.low + static_cast<int>(i);
  }
  return Number(field, text, part, field.low, field.high);
}

struct Range {
  int from, to, step;
};

// "*", "a", "a-b", each with "/n" behind it.
Range ReadRange(const Field& field, std::string_view part) {
  std::size_t slash = part.find('/');
  std::string_view base = part.substr(0, slash);
  Range range{field.low, field.high, 1};
  if (slash != part.npos)
    range.step = Number(field, part.substr(slash + 1), part, 1, field.high - field.low + 1);
  if (base == "*") return range;
  std::size_t dash = base.find('-');
  range.from = Value(field, base.substr(0, dash), part);
  if (dash != base.npos) {
    std::string_view last = base.substr(dash + 1);
    range.to = Value(field, last, part);
    if (&field == &kWeekday && last == "SUN" && range.from > 0) range.to = 7;
    if (range.to < range.from) Refuse(field, part, "a range goes upwards");
  } else if (slash == part.npos) {
    range.to = range.from;
  }
  return range;
}

template <std::size_t N>
void AddRange(const Field& field, std::string_view part, std::bitset<N>& set) {
  Range range = ReadRange(field, part);
  for (int value = range.from; value <= range.to; value += range.step)
    set.set(static_cast<std::size_t>(value));
}

template <std::size_t N>
void ReadField(const Field& field, std::string_view text, std::bitset<N>& set) {
  for (std::string_view part : Split(text, ',')) AddRange(field, part, set);
}

// True when it begins with a star: then it does not restrict.
bool ReadDays(std::string_view text, Cron& cron) {
  if (text == "?") text = "*";
  for (std::string_view part : Split(text, ',')) {
    part == "L" ? void(cron.last_day = true) : AddRange(kDay, part, cron.days);
  }
  return text.starts_with('*');
}

bool ReadWeekdays(std::string_view text, Cron& cron) {
  if (text == "?") text = "*";
  std::bitset<8> plain;
  auto day = [](std::string_view name, std::string_view part) {
    return static_cast<std::size_t>(Value(kWeekday, name, part) % 7);
  };
  for (std::string_view part : Split(text, ',')) {
    if (std::size_t hash = part.find('#'); hash != part.npos) {
      int nth = Number(kWeekday, part.substr(hash + 1), part, 1, 5);
      cron.nth_weekdays[day(part.substr(0, hash), part)].set(static_cast<std::size_t>(nth));
    } else if (part.size() > 1 && part.ends_with('L')) {
      cron.last_weekdays.set(day(part.substr(0, part.size() - 1), part));
    } else {
      AddRange(kWeekday, part, plain);
    }
  }
  for (std::size_t i = 0; i < 8; ++i) {
    if (plain[i]) cron.weekdays.set(i % 7);
  }
  return text.starts_with('*');
}

std::string_view Expand(std::string_view text) {
  constexpr std::pair<std::string_view, std::string_view> kNicknames[] = {
      {"@YEARLY", "0 0 1 1 *"}, {"@ANNUALLY", "0 0 1 1 *"}, {"@MONTHLY", "0 0 1 * *"},
      {"@WEEKLY", "0 0 * * 0"}, {"@DAILY", "0 0 * * *"},    {"@MIDNIGHT", "0 0 * * *"},
      {"@HOURLY", "0 * * * *"}};
  if (!text.starts_with('@')) return text;
  for (const auto& [name, meaning] : kNicknames) {
    if (text == name) return meaning;
  }
  throw Wrong{
      "must be five fields, or one of @yearly, @annually, @monthly, @weekly, @daily, @midnight, "
      "@hourly"};
}

Cron ReadAll(std::string_view text) {
  auto fields = Fields(Expand(text));
  if (fields.size() != 5) {
    throw Wrong{fmt::format(
        "must have five fields: minute, hour, day of month, month, day of week; this has {}",
        fields.size())};
  }
  Cron cron;
  ReadField(kMinute, fields[0], cron.minutes);
  ReadField(kHour, fields[1], cron.hours);
  cron.days_starred = ReadDays(fields[2], cron);
  ReadField(kMonth, fields[3], cron.months);
  cron.weekdays_starred = ReadWeekdays(fields[4], cron);
  if (!cron.Next(LocalMinutes(local_days(std::chrono::year(2024) / 1 / 1))))
    throw Wrong{"never comes: no month has such a day"};
  return cron;
}

}  // namespace

std::expected<Cron, std::string> Cron::Parse(std::string_view text) {
  if (text.size() > kMaxText)
    return std::unexpected(fmt::format("must be at most {} bytes", kMaxText));
  std::string upper;
  for (char c : text) {
    if (c == '\t') c = ' ';
    if (c < 0x20 || c > 0x7e) return std::unexpected("must be printable ASCII");
    upper += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  std::string_view trimmed = upper;
  while (trimmed.starts_with(' ')) trimmed.remove_prefix(1);
  while (trimmed.ends_with(' ')) trimmed.remove_suffix(1);
  try {
    return ReadAll(trimmed);
  } catch (Wrong& wrong) {
    return std::unexpected(std::move(wrong.message));
  }
}

bool Cron::Names(year_month_day date) const {
  auto day = static_cast<unsigned>(date.day());
  auto last = static_cast<unsigned>(
      std::chrono::year_month_day_last(date.year() / date.month() / std::chrono::last).day());
  auto of_week = std::chrono::weekday(local_days(date)).c_encoding();
  bool by_day = days[day] || (last_day && day == last);
  bool by_weekday = weekdays[of_week] || nth_weekdays[of_week][(day - 1) / 7 + 1] ||
                    (last_weekdays[of_week] && day + 7 > last);
  return days_starred || weekdays_starred ? by_day && by_weekday : by_day || by_weekday;
}

std::optional<LocalMinutes> Cron::Next(LocalMinutes from) const {
  local_days date = std::chrono::floor<std::chrono::days>(from);
  auto minute_of_day = static_cast<std::size_t>((from - date).count());
  local_days end = date + std::chrono::days(kDaysAhead);
  while (date < end) {
    year_month_day ymd(date);
    if (!months[static_cast<unsigned>(ymd.month())]) {
      date = local_days((ymd.year() / ymd.month() + std::chrono::months(1)) / 1);
      minute_of_day = 0;
      continue;
    }
    for (std::size_t hour = minute_of_day / 60; hour < 24 && Names(ymd); ++hour) {
      if (!hours[hour]) continue;
      std::size_t first = hour == minute_of_day / 60 ? minute_of_day % 60 : 0;
      for (std::size_t minute = first; minute < 60; ++minute) {
        if (minutes[minute]) return date + std::chrono::hours(hour) + std::chrono::minutes(minute);
      }
    }
    date += std::chrono::days(1);
    minute_of_day = 0;
  }
  return std::nullopt;
}

}  // namespace forager::calendar
