#include "cli/text.h"

#include <fmt/format.h>
#include <wchar.h>

#include <clocale>

#include "job/codec.h"
#include "os/visible_text.h"

namespace forager::cli {
namespace {

std::string Clean(std::string_view given, bool keep_lines) {
  std::string text = ValidUtf8(given), out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    std::size_t begin = at;
    char32_t c = os::NextCharacter(text, at);
    if (c == '\r' && at < text.size() && text[at] == '\n') continue;
    if (c == '\n' || c == '\t') {
      out += !keep_lines ? " " : c == '\n' ? "\n" : "    ";
    } else if (!os::IsActive(c)) {
      out.append(text, begin, at - begin);
    } else if (c < 0x100) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned>(c));
    } else {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    }
  }
  return out;
}

// The C library knows widths only in a locale of UTF-8.
int CellsOf(char32_t c) {
  if (c < 0x7F) return 1;
  static const locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  if (!utf8) return 1;
  locale_t before = uselocale(utf8);
  int cells = wcwidth(static_cast<wchar_t>(c));
  uselocale(before);
  return cells < 0 ? 1 : cells;
}

struct Head {
  std::size_t bytes = 0;
  int cells = 0;
};
// As much of the text as fits.
Head Fitting(std::string_view text, int width) {
  Head head;
  for (std::size_t at = 0; at < text.size();) {
    int cells = CellsOf(os::NextCharacter(text, at));
    if (head.cells + cells > width) break;
    head = {at, head.cells + cells};
  }
  return head;
}

// Letters wrong, missing, too many or swapped with their neighbour.
std::size_t Distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> at(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      std::size_t& here = at[i][j];
      here = std::max(i, j);
      if (i == 0 || j == 0) continue;
      here =
          std::min({at[i - 1][j] + 1, at[i][j - 1] + 1, at[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) here = std::min(here, at[i - 2][j - 2] + 1);
    }
  }
  return at[a.size()][b.size()];
}

}  // namespace

std::string OneLine(std::string_view text) { return Clean(text, false); }
std::string Lines(std::string_view text) { return Clean(text, true); }

int Width(std::string_view text) {
  int cells = 0;
  for (std::size_t at = 0; at < text.size();) cells += CellsOf(os::NextCharacter(text, at));
  return cells;
}

std::string Cut(std::string_view text, int width) {
  if (width <= 0) return "";
  if (text.size() <= static_cast<std::size_t>(width) || Width(text) <= width)
    return std::string(text);
  return std::string(text.substr(0, Fitting(text, width - 1).bytes)) + "…";
}

std::string Pad(std::string_view text, int width) {
  std::string out = Cut(text, width);
  out.append(static_cast<std::size_t>(std::max(0, width - Width(out))), ' ');
  return out;
}

std::string PadLeft(std::string_view text, int width) {
  std::string out = Cut(text, width);
  return std::string(static_cast<std::size_t>(std::max(0, width - Width(out))), ' ') + out;
}

std::string ShortSpan(std::chrono::milliseconds span) {
  std::int64_t s = std::max<std::int64_t>(0, span.count() / 1000);
  std::int64_t m = s / 60, h = m / 60, d = h / 24;
  if (s < 120) return fmt::format("{}s", s);
  if (m < 10) return s % 60 ? fmt::format("{}m{}s", m, s % 60) : fmt::format("{}m", m);
  if (h < 3) return fmt::format("{}m", m);
  if (h < 8) return m % 60 ? fmt::format("{}h{}m", h, m % 60) : fmt::format("{}h", h);
  if (h < 48) return fmt::format("{}h", h);
  return fmt::format("{}d", d);
}

std::string LongSpan(std::chrono::milliseconds span) {
  double seconds = std::max(0.0, static_cast<double>(span.count()) / 1e3);
  auto s = static_cast<std::int64_t>(seconds);
  if (seconds < 10) return fmt::format("{:.1f} s", seconds);
  if (s < 120) return fmt::format("{} s", s);
  auto two = [](std::int64_t large, const char* unit, std::int64_t small, const char* part) {
    return small == 0 ? fmt::format("{} {}", large, unit)
                      : fmt::format("{} {} {} {}", large, unit, small, part);
  };
  if (s < 7'200) return two(s / 60, "min", s % 60, "s");
  if (s < 172'800) return two(s / 3'600, "h", s / 60 % 60, "min");
  return two(s / 86'400, "days", s / 3'600 % 24, "h");
}

std::string Bytes(std::int64_t bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(kUnits)) value /= 1024, ++unit;
  bool whole = unit == 0 || value >= 100 || value == static_cast<double>(static_cast<int>(value));
  return whole ? fmt::format("{:.0f} {}", value, kUnits[unit])
               : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string Grouped(std::int64_t number) {
  std::string digits = std::to_string(number);
  std::size_t first = number < 0 ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3;) digits.insert(at -= 3, 1, ',');
  return digits;
}

std::string Nearest(std::string_view word, const std::vector<std::string>& candidates) {
  std::string best;
  if (word.size() > 64) return best;
  std::size_t least = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    std::size_t distance = Distance(word, candidate);
    bool begins = word.size() >= 2 && candidate.starts_with(word);
    if (begins) distance = std::min<std::size_t>(distance, 1);
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace forager::cli
