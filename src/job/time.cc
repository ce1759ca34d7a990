#include "job/time.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace forager {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using std::chrono::year_month_day;

std::string Format(WallTime time, char between, std::string_view end) {
  auto day = std::chrono::floor<days>(time);
  year_month_day date{day};
  auto ms = (time - day).count();
  return fmt::format("{:04}-{:02}-{:02}{}{:02}:{:02}:{:02}.{:03}{}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     between, ms / 3'600'000, ms / 60'000 % 60, ms / 1'000 % 60, ms % 1'000, end);
}

// Reads exactly `count` digits; -1 when there are not so many.
int Digits(std::string_view& text, std::size_t count) {
  if (text.size() < count) return -1;
  int value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return value;
}

bool Eat(std::string_view& text, char expected) {
  if (text.empty() || text[0] != expected) return false;
  text.remove_prefix(1);
  return true;
}

// Date, one of the `between` characters, time, optional fraction; the rest stays in `text`.
std::optional<WallTime> ParseDateTime(std::string_view& text, std::string_view between) {
  int year = Digits(text, 4);
  if (!Eat(text, '-')) return std::nullopt;
  int month = Digits(text, 2);
  if (!Eat(text, '-')) return std::nullopt;
  int day = Digits(text, 2);
  if (text.empty() || between.find(text[0]) == std::string_view::npos) return std::nullopt;
  text.remove_prefix(1);
  int hour = Digits(text, 2);
  if (!Eat(text, ':')) return std::nullopt;
  int minute = Digits(text, 2);
  if (!Eat(text, ':')) return std::nullopt;
  int second = Digits(text, 2);
  if (year < 1970 || month < 1 || day < 1 || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
      second < 0 || second > 60) {
    return std::nullopt;
  }
  year_month_day date{std::chrono::year{year}, std::chrono::month(static_cast<unsigned>(month)),
                      std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  int millis = 0;
  if (Eat(text, '.')) {
    int scale = 100;
    std::size_t digits = 0;
    while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
      if (++digits > 9) return std::nullopt;
      millis += (text[0] - '0') * scale;
      scale /= 10;
      text.remove_prefix(1);
    }
    if (digits == 0) return std::nullopt;
  }
  return std::chrono::sys_days{date} + hours{hour} + minutes{minute} + seconds{second} +
         Millis{millis};
}

}  // namespace

std::string FormatRfc3339(WallTime time) { return Format(time, 'T', "Z"); }
std::string FormatSqlTime(WallTime time) { return Format(time, ' ', ""); }

std::optional<WallTime> ParseRfc3339(std::string_view text) {
  auto time = ParseDateTime(text, "Tt ");
  if (!time) return std::nullopt;
  if (text == "Z" || text == "z") return time;
  if (text.empty() || (text[0] != '+' && text[0] != '-')) return std::nullopt;
  bool east = text[0] == '+';
  text.remove_prefix(1);
  int offset_hours = Digits(text, 2);
  if (!Eat(text, ':')) return std::nullopt;
  int offset_minutes = Digits(text, 2);
  if (offset_hours < 0 || offset_hours > 23 || offset_minutes < 0 || offset_minutes > 59 ||
      !text.empty())
    return std::nullopt;
  auto offset = hours{offset_hours} + minutes{offset_minutes};
  WallTime utc = east ? *time - offset : *time + offset;
  if (utc < WallTime{}) return std::nullopt;
  return utc;
}

std::optional<WallTime> ParseSqlTime(std::string_view text) {
  auto time = ParseDateTime(text, " T");
  if (!time || !(text.empty() || text == "Z")) return std::nullopt;
  return time;
}

std::optional<Millis> ParseDuration(std::string_view text) {
  double value = 0;
  auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc{} || !std::isfinite(value) || value < 0) return std::nullopt;
  std::string_view unit(end, text.data() + text.size());
  double scale = 0;
  if (unit == "ms") scale = 1;
  if (unit == "s") scale = 1'000;
  if (unit == "m") scale = 60'000;
  if (unit == "h") scale = 3'600'000;
  if (scale == 0 || value * scale > 1e13) return std::nullopt;
  return Millis{std::llround(value * scale)};
}

std::string FormatDuration(Millis duration) {
  auto ms = duration.count();
  if (ms != 0 && ms % 3'600'000 == 0) return fmt::format("{}h", ms / 3'600'000);
  if (ms != 0 && ms % 60'000 == 0) return fmt::format("{}m", ms / 60'000);
  if (ms != 0 && ms % 1'000 == 0) return fmt::format("{}s", ms / 1'000);
  return fmt::format("{}ms", ms);
}

std::string FormatMinutes(Millis duration) {
  return fmt::format("{}", static_cast<double>(duration.count()) / 60'000.0);
}

}  // namespace forager
