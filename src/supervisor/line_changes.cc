#include "supervisor/line_changes.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <utility>

namespace forager::supervisor {
namespace {

constexpr std::size_t kCompared = 4096;
constexpr std::int64_t kNear = 24 * 3600;  // a number so near to now is the present time

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Reads along one text; nothing is taken unless all of a pattern fits.
class Cursor {
 public:
  explicit Cursor(std::string_view rest) : rest_(rest) {}
  // Between `low` and `high` digits, and no further one behind them.
  bool Digits(std::size_t low, std::size_t high, std::int64_t below) {
    std::size_t count = 0;
    std::int64_t value = 0;
    while (count < rest_.size() && count <= high && IsDigit(rest_[count]))
      value = value * 10 + (rest_[count++] - '0');
    if (count < low || count > high || value >= below) return false;
    return Take(count);
  }
  bool One(std::string_view of) {
    return !rest_.empty() && of.find(rest_.front()) != std::string_view::npos && Take(1);
  }
  void AllDigits() {
    while (!rest_.empty() && IsDigit(rest_.front())) Take(1);
  }
  std::size_t taken() const { return taken_; }

 private:
  bool Take(std::size_t count) {
    rest_.remove_prefix(count);
    taken_ += count;
    return true;
  }
  std::string_view rest_;
  std::size_t taken_ = 0;
};

// "9:05", "15:41:03", "15:41:03,123"; its length, or 0.
std::size_t TimeOfDay(std::string_view text) {
  Cursor at(text);
  if (!at.Digits(1, 2, 24) || !at.One(":") || !at.Digits(2, 2, 60)) return 0;
  Cursor seconds = at;
  if (!seconds.One(":") || !seconds.Digits(2, 2, 61)) return at.taken();
  Cursor fraction = seconds;
  if (!fraction.One(".,") || !fraction.Digits(1, 9, 1'000'000'000)) return seconds.taken();
  return fraction.taken();
}

// "2026-11-27", "2026/11/27".
std::size_t Date(std::string_view text) {
  Cursor at(text);
  if (!at.Digits(4, 4, 3000) || !at.One("-/") || !at.Digits(2, 2, 13) || !at.One("-/")) return 0;
  return at.Digits(2, 2, 32) ? at.taken() : 0;
}

// 1763918292, 1763918292.345, 1763918292345: the present, since 1970; or 20261127154103.
std::size_t PresentNumber(std::string_view text, os::Wall now) {
  std::int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  auto length = static_cast<std::size_t>(end - text.data());
  if (error != std::errc() || length < 10) return 0;
  std::int64_t seconds = value;
  for (std::size_t i = 10; i < length; i += 3) seconds /= 1000;
  std::int64_t present = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  bool since_1970 = (length - 10) % 3 == 0 && std::abs(seconds - present) < kNear;
  bool compact = false;
  if (length == 14) {
    std::chrono::year_month_day today{std::chrono::floor<std::chrono::days>(now)};
    compact = value / 10'000'000'000 == static_cast<int>(today.year());
  }
  if (!since_1970 && !compact) return 0;
  Cursor fraction(text.substr(length));
  if (since_1970 && fraction.One(".")) {
    fraction.AllDigits();
    return length + fraction.taken();
  }
  return length;
}

// "20261127T154103Z", from the T's left on.
std::size_t CompactTime(std::string_view text) {
  Cursor at(text);
  if (!at.Digits(8, 8, 100'000'000) || !at.One("T") || !at.Digits(6, 6, 1'000'000)) return 0;
  return at.taken();
}

}  // namespace

std::string MaskTimes(std::string_view line, os::Wall now) {
  std::string masked;
  masked.reserve(line.size());
  for (std::size_t i = 0; i < line.size();) {
    std::string_view rest = line.substr(i);
    std::size_t length = 0;
    if (IsDigit(rest.front()) && (i == 0 || !IsDigit(line[i - 1]))) {
      length = TimeOfDay(rest);
      if (length == 0) length = Date(rest);
      if (length == 0) length = CompactTime(rest);
      if (length == 0) length = PresentNumber(rest, now);
    }
    masked += length > 0 ? '\x01' : rest.front();
    i += std::max<std::size_t>(length, 1);
  }
  return masked;
}

bool LineChanges::Add(std::string_view bytes, os::Wall now) {
  bool changed = false;
  while (!bytes.empty()) {
    auto end = bytes.find_first_of("\r\n");
    std::string_view part = bytes.substr(0, end);
    length_ += part.size();
    line_ += part.substr(0, kCompared - std::min(kCompared, line_.size()));
    if (end == std::string_view::npos) break;
    changed |= EndLine(now);
    bytes.remove_prefix(end + 1);
  }
  return changed;
}

bool LineChanges::EndLine(os::Wall now) {
  std::string line = std::exchange(line_, {});
  std::uint64_t length = std::exchange(length_, 0);
  if (length == 0) return false;
  std::uint64_t hash = std::hash<std::string>()(MaskTimes(line, now));
  if (length > kCompared) hash = hash * 31 + length;
  return std::exchange(last_, hash) != hash;
}

}  // namespace forager::supervisor
