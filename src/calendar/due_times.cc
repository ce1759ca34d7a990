#include "calendar/due_times.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <limits>

namespace forager::calendar {
namespace {

using std::chrono::minutes;

constexpr std::int64_t kCounted = 10'000;
constexpr int kSpans = 400;  // of a zone, looked at for one due time: more than 40 years have
constexpr int kRepeated = 2 * 1'440;

local_seconds AsSeconds(LocalMinutes time) { return local_seconds(time.time_since_epoch()); }

// Named times: each is looked for on the clock, then told in UTC. The order stays.
std::optional<sys_seconds> NextNamed(const Cron& cron, const Zone& zone, sys_seconds after) {
  auto from = std::chrono::ceil<minutes>(zone.ToLocal(after));
  for (int i = 0; i < kRepeated; ++i) {
    auto next = cron.Next(from);
    if (!next) return std::nullopt;
    sys_seconds due = zone.FromLocal(AsSeconds(*next));
    if (due > after) return due;
    from = *next + minutes(1);
  }
  return std::nullopt;
}

// Every hour: each span of one offset is walked by itself, so the clock's jumps do not count.
std::optional<sys_seconds> NextCounted(const Cron& cron, const Zone& zone, sys_seconds after) {
  sys_seconds from = after + seconds(1);
  for (int i = 0; i < kSpans; ++i) {
    Zone::Span span = zone.At(from);
    auto next = cron.Next(
        std::chrono::ceil<minutes>(local_seconds((from + span.offset).time_since_epoch())));
    if (!next) return std::nullopt;
    sys_seconds due = sys_seconds(AsSeconds(*next).time_since_epoch()) - span.offset;
    if (due < span.end) return due;
    from = span.end;
  }
  return std::nullopt;
}

}  // namespace

std::optional<WallTime> NextDue(const Cron& cron, const Zone& zone, WallTime after) {
  auto whole = std::chrono::floor<seconds>(after);
  return cron.EveryHour() ? NextCounted(cron, zone, whole) : NextNamed(cron, zone, whole);
}

std::vector<WallTime> NextDues(const Cron& cron, const Zone& zone, WallTime after, int count) {
  std::vector<WallTime> dues;
  while (static_cast<int>(dues.size()) < count) {
    auto next = NextDue(cron, zone, after);
    if (!next) break;
    dues.push_back(*next);
    after = *next;
  }
  return dues;
}

PastDue FindPastDue(const Cron& cron, const Zone& zone, WallTime first, WallTime until, int keep) {
  std::deque<WallTime> newest;
  std::int64_t count = 0;
  // From `due` on, at most `most` of them; the first one not walked any more.
  auto walk = [&](std::optional<WallTime> due, std::int64_t most) {
    for (; due && *due <= until && count < most; ++count) {
      newest.push_back(*due);
      if (static_cast<int>(newest.size()) > keep) newest.pop_front();
      due = NextDue(cron, zone, *due);
    }
    return due;
  };
  auto rest = walk(first, kCounted);
  if (rest && *rest <= until) {
    // Too many to walk: the newest are looked for from the end, in steps back that double.
    for (Millis back = std::chrono::hours(1);; back *= 2) {
      WallTime begin = std::max(*rest, until - back);
      newest.clear();
      count = 0;
      walk(NextDue(cron, zone, begin - Millis(1)), std::numeric_limits<std::int64_t>::max());
      if (static_cast<int>(newest.size()) >= keep || begin == *rest) break;
    }
    count = kCounted;
  }
  return {{newest.begin(), newest.end()}, count};
}

std::string FormatLocal(const Zone& zone, WallTime time) {
  auto whole = std::chrono::floor<seconds>(time);
  auto offset = zone.At(whole).offset.count();
  std::string text = FormatRfc3339(WallTime(whole + seconds(offset)));
  text.resize(text.size() - 5);  // milliseconds and Z
  auto size = std::abs(offset) / 60;
  return fmt::format("{}{}{:02}:{:02}", text, offset < 0 ? '-' : '+', size / 60, size % 60);
}

}  // namespace forager::calendar
