// The bytes of a TZif file, and the rule in POSIX form at their end.
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

#include "calendar/zone.h"

namespace forager::calendar {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::sys_days;
using std::chrono::weekday;
using std::chrono::year;

constexpr std::size_t kHeader = 44;
constexpr std::uint32_t kMaxChanges = 10'000;
constexpr int kLastYear = 2200;  // the footer's rule is written out to here
constexpr std::int64_t kEarliest = -10'000'000'000;
constexpr std::int64_t kLatest = 10'000'000'000;
constexpr int kMostOffset = 26 * 3600;

// Reads big-endian numbers, never past the end.
class Bytes {
 public:
  explicit Bytes(std::string_view text) : left_(text) {}
  bool Skip(std::size_t count) {
    if (count > left_.size()) return false;
    left_.remove_prefix(count);
    return true;
  }
  std::optional<std::string_view> Take(std::size_t count) {
    if (count > left_.size()) return std::nullopt;
    std::string_view taken = left_.substr(0, count);
    left_.remove_prefix(count);
    return taken;
  }
  std::string_view rest() const { return left_; }

 private:
  std::string_view left_;
};

std::uint64_t BigEndian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

std::int32_t Int32(std::string_view bytes) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(BigEndian(bytes)));
}

struct Header {
  char version = 0;
  std::uint32_t utc_marks = 0, wall_marks = 0, leaps = 0, times = 0, types = 0, chars = 0;

  std::size_t BodySize(std::size_t time_size) const {
    return std::size_t{times} * time_size + times + std::size_t{types} * 6 + chars +
           std::size_t{leaps} * (time_size + 4) + wall_marks + utc_marks;
  }
};

std::optional<Header> ReadHeader(Bytes& bytes) {
  auto text = bytes.Take(kHeader);
  if (!text || !text->starts_with("TZif")) return std::nullopt;
  auto count = [&](std::size_t at) {
    return static_cast<std::uint32_t>(BigEndian(text->substr(at, 4)));
  };
  Header header{(*text)[4], count(20), count(24), count(28), count(32), count(36), count(40)};
  if (header.times > kMaxChanges || header.types == 0 || header.types > 256 ||
      header.chars > 10'000 || header.utc_marks > 256 || header.wall_marks > 256) {
    return std::nullopt;
  }
  return header;
}

// The rule in the footer: "CET-1CEST,M3.5.0,M10.5.0/3".
struct RuleDay {
  char form = 'M';  // M month.week.weekday, J day 1-365 without 29 February, 0 day 0-365
  int month = 1, week = 1, weekday = 0, day = 0;
  int time = 7200;  // seconds after midnight, may be negative
};

struct Rule {
  int standard = 0;  // seconds east
  std::optional<int> summer;
  RuleDay begin, end;
};

class RuleReader {
 public:
  explicit RuleReader(std::string_view text) : text_(text) {}

  std::optional<Rule> Read() {
    Rule rule;
    auto standard = NameAndOffset();
    if (!standard || !*standard) return std::nullopt;
    rule.standard = **standard;
    if (text_.empty()) return rule;
    auto summer = NameAndOffset();
    if (!summer) return std::nullopt;
    rule.summer = summer->value_or(rule.standard + 3600);
    if (!Eat(',') || !Day(rule.begin) || !Eat(',') || !Day(rule.end) || !text_.empty())
      return std::nullopt;
    return rule;
  }

 private:
  bool Eat(char c) {
    if (text_.empty() || text_[0] != c) return false;
    text_.remove_prefix(1);
    return true;
  }

  std::optional<int> Number(int low, int high) {
    int value = 0;
    auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), value);
    if (error != std::errc{} || value < low || value > high) return std::nullopt;
    text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
    return value;
  }

  bool Name() {
    std::size_t length = 0;
    if (Eat('<')) {
      length = text_.find('>');
      if (length == text_.npos) return false;
      text_.remove_prefix(length + 1);
      return length >= 3;
    }
    while (length < text_.size() &&
           ((text_[length] | 0x20) >= 'a' && (text_[length] | 0x20) <= 'z'))
      ++length;
    text_.remove_prefix(length);
    return length >= 3;
  }

  // [+-]hh[:mm[:ss]] in seconds.
  std::optional<int> Clock(int most_hours) {
    int sign = Eat('-') ? -1 : 1;
    if (sign == 1) Eat('+');
    auto value = Number(0, most_hours);
    if (!value) return std::nullopt;
    int total = *value * 3600;
    for (int unit : {60, 1}) {
      if (!Eat(':')) break;
      auto part = Number(0, 59);
      if (!part) return std::nullopt;
      total += *part * unit;
    }
    return sign * total;
  }

  // A name and, unless something else follows, an offset. Outer none: unreadable.
  std::optional<std::optional<int>> NameAndOffset() {
    if (!Name()) return std::nullopt;
    if (text_.empty() || text_[0] == ',') return std::optional<int>();
    auto west = Clock(24);
    if (!west) return std::nullopt;
    return std::optional(-*west);
  }

  bool Day(RuleDay& day) {
    if (Eat('M')) {
      auto month = Number(1, 12);
      if (!month || !Eat('.')) return false;
      auto week = Number(1, 5);
      if (!week || !Eat('.')) return false;
      auto of_week = Number(0, 6);
      if (!of_week) return false;
      day.month = *month;
      day.week = *week;
      day.weekday = *of_week;
    } else {
      day.form = Eat('J') ? 'J' : '0';
      auto number = Number(day.form == 'J' ? 1 : 0, 365);
      if (!number) return false;
      day.day = *number;
    }
    if (!Eat('/')) return true;
    auto time = Clock(167);
    if (!time) return false;
    day.time = *time;
    return true;
  }

  std::string_view text_;
};

sys_days DateOf(const RuleDay& rule, year in) {
  if (rule.form == 'M') {
    auto month = in / std::chrono::month(static_cast<unsigned>(rule.month));
    weekday of_week(static_cast<unsigned>(rule.weekday));
    if (rule.week == 5) return sys_days(month / of_week[std::chrono::last]);
    return sys_days(month / of_week[static_cast<unsigned>(rule.week)]);
  }
  sys_days first(in / std::chrono::January / 1);
  if (rule.form == '0') return first + days(rule.day);
  bool past_leap_day = in.is_leap() && rule.day >= 60;
  return first + days(rule.day - 1 + (past_leap_day ? 1 : 0));
}

}  // namespace

class ZoneReader {
 public:
  static std::expected<Zone, std::string> Read(std::string_view text) {
    Bytes bytes(text);
    auto header = ReadHeader(bytes);
    if (!header) return std::unexpected("it is not a TZif file");
    std::size_t time_size = 4;
    if (header->version >= '2') {
      if (!bytes.Skip(header->BodySize(4))) return std::unexpected("it is cut short");
      header = ReadHeader(bytes);
      if (!header) return std::unexpected("its second part is not TZif");
      time_size = 8;
    }
    // "right/" zones count leap seconds, which nobody's clock shows.
    if (header->leaps > 0) return std::unexpected("it counts leap seconds");
    auto body = bytes.Take(header->BodySize(time_size));
    if (!body) return std::unexpected("it is cut short");
    Zone zone;
    if (!ReadBody(*body, *header, time_size, zone)) return std::unexpected("it contradicts itself");
    if (time_size == 8 && !ReadFooter(bytes.rest(), zone))
      return std::unexpected("its rule for the future cannot be read");
    return zone;
  }

 private:
  static bool ReadBody(std::string_view body, const Header& header, std::size_t time_size,
                       Zone& zone) {
    std::string_view kinds = body.substr(header.times * time_size, header.times);
    std::string_view types = body.substr(header.times * (time_size + 1), header.types * 6);
    auto offset = [&](std::size_t type) { return Int32(types.substr(type * 6, 4)); };
    for (std::size_t type = 0; type < header.types; ++type) {
      if (offset(type) < -kMostOffset || offset(type) > kMostOffset) return false;
    }
    zone.first_ = seconds(offset(0));
    std::int64_t last = INT64_MIN;
    for (std::size_t i = 0; i < header.times; ++i) {
      std::string_view bytes = body.substr(i * time_size, time_size);
      std::int64_t at = time_size == 4 ? Int32(bytes) : static_cast<std::int64_t>(BigEndian(bytes));
      std::size_t kind = static_cast<unsigned char>(kinds[i]);
      if (kind >= header.types || (i > 0 && at <= last)) return false;
      last = at;
      if (at < kEarliest) {
        zone.first_ = seconds(offset(kind));
      } else if (at <= kLatest) {
        zone.changes_.push_back({sys_seconds(seconds(at)), seconds(offset(kind))});
      }
    }
    return true;
  }

  static bool ReadFooter(std::string_view text, Zone& zone) {
    if (!text.starts_with('\n')) return false;
    std::size_t end = text.find('\n', 1);
    if (end == text.npos) return false;
    std::string_view footer = text.substr(1, end - 1);
    if (footer.empty()) return true;  // the last offset holds on
    auto rule = RuleReader(footer).Read();
    if (!rule) return false;
    if (!rule->summer) {
      // Without changes it is the only offset there is.
      if (zone.changes_.empty()) zone.first_ = seconds(rule->standard);
      return true;
    }
    WriteOut(*rule, zone);
    return true;
  }

  static void WriteOut(const Rule& rule, Zone& zone) {
    sys_seconds last =
        zone.changes_.empty() ? sys_seconds(sys_days(year(1970) / 1 / 1)) : zone.changes_.back().at;
    auto first_year = std::chrono::year_month_day(std::chrono::floor<days>(last)).year();
    std::vector<Zone::Change> later;
    for (year y = first_year - std::chrono::years(1); y <= year(kLastYear); ++y) {
      // Each change is told in the clock that it ends.
      later.push_back({DateOf(rule.begin, y) + seconds(rule.begin.time - rule.standard),
                       seconds(*rule.summer)});
      later.push_back(
          {DateOf(rule.end, y) + seconds(rule.end.time - *rule.summer), seconds(rule.standard)});
    }
    std::ranges::stable_sort(later, {}, &Zone::Change::at);
    for (const Zone::Change& change : later) {
      if (change.at <= last) continue;
      seconds before = zone.changes_.empty() ? zone.first_ : zone.changes_.back().offset;
      if (!zone.changes_.empty() && zone.changes_.back().at == change.at)
        zone.changes_.back().offset = change.offset;  // summer all year round
      else if (before != change.offset)
        zone.changes_.push_back(change);
    }
  }
};

std::expected<Zone, std::string> Zone::Parse(std::string_view bytes) {
  return ZoneReader::Read(bytes);
}

}  // namespace forager::calendar
