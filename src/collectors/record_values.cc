#include "collectors/record_values.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>
#include <vector>

#include "collectors/json_ld.h"

namespace forager::collectors {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string Quoted(const std::string& text) {
  return boost::json::serialize(boost::json::string_view(text));
}

struct Number {
  double value = 0;
  std::size_t begin = 0;
  std::size_t end = 0;
};

// Digits with grouping commas, a decimal point, and k or m right after: 1,400  2.5  350k  1.2M.
std::optional<Number> NextNumber(std::string_view text, std::size_t from) {
  std::size_t i = from;
  while (i < text.size() && !IsDigit(text[i])) ++i;
  if (i == text.size()) return std::nullopt;
  Number number;
  number.begin = i;
  std::string digits;
  if (i > 0 && text[i - 1] == '-' && (i == 1 || text[i - 2] == ' ')) digits = "-";
  for (; i < text.size(); ++i) {
    if (IsDigit(text[i]))
      digits += text[i];
    else if (text[i] == ',' && i + 3 < text.size() && IsDigit(text[i + 1]) &&
             IsDigit(text[i + 2]) && IsDigit(text[i + 3]))
      continue;
    else if (text[i] == '.' && i + 1 < text.size() && IsDigit(text[i + 1]) &&
             digits.find('.') == digits.npos)
      digits += '.';
    else
      break;
  }
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number.value);
  if (parsed.ec != std::errc()) return std::nullopt;
  const bool word_ends =
      i + 1 >= text.size() || !((text[i + 1] | 0x20) >= 'a' && (text[i + 1] | 0x20) <= 'z');
  if (i < text.size() && word_ends && (text[i] == 'k' || text[i] == 'K'))
    number.value *= 1e3, ++i;
  else if (i < text.size() && word_ends && (text[i] == 'm' || text[i] == 'M'))
    number.value *= 1e6, ++i;
  number.end = i;
  return number;
}

// "the $300s" is a neighbourhood of prices, not a price.
bool Vague(std::string_view text, const Number& number) {
  const std::string_view after = text.substr(number.end);
  return after.starts_with("s") || after.starts_with("'s") || after.starts_with("\xe2\x80\x99s") ||
         after.starts_with("+");
}

bool SaysRange(std::string_view text, const Number& first, const Number& second) {
  const std::string between = Lower(text.substr(first.end, second.begin - first.end));
  return between.find('-') != between.npos || between.find("\xe2\x80\x93") != between.npos ||
         between.find("\xe2\x80\x94") != between.npos || between.find(" to ") != between.npos;
}

std::optional<double> OneNumber(std::string_view text) {
  const auto first = NextNumber(text, 0);
  if (!first || Vague(text, *first)) return std::nullopt;
  const auto second = NextNumber(text, first->end);
  if (second && SaysRange(text, *first, *second)) return std::nullopt;
  return first->value;
}

std::optional<double> RangeEnd(std::string_view text, bool high) {
  const auto first = NextNumber(text, 0);
  if (!first || Vague(text, *first)) return std::nullopt;
  const auto second = NextNumber(text, first->end);
  if (!second || !SaysRange(text, *first, *second) || Vague(text, *second)) return first->value;
  return high ? second->value : first->value;
}

std::optional<std::string> NumberText(std::optional<double> number, bool whole) {
  if (!number || !std::isfinite(*number) || std::abs(*number) > 1e12) return std::nullopt;
  if (*number == std::floor(*number)) return std::to_string(static_cast<long long>(*number));
  if (whole) return std::nullopt;
  return boost::json::serialize(boost::json::value(*number));
}

bool SaysPer(std::string_view text, std::initializer_list<std::string_view> words) {
  const std::string lower = Lower(text);
  return std::ranges::any_of(words,
                             [&](std::string_view word) { return lower.find(word) != lower.npos; });
}

std::optional<std::string> Year(std::string_view text) {
  for (std::size_t i = 0; i + 4 <= text.size(); ++i) {
    if (!std::ranges::all_of(text.substr(i, 4), IsDigit)) continue;
    if ((i > 0 && IsDigit(text[i - 1])) || (i + 4 < text.size() && IsDigit(text[i + 4]))) continue;
    const std::string_view year = text.substr(i, 4);
    if (year >= "1700" && year <= "2100") return std::string(year);
  }
  return std::nullopt;
}

std::optional<std::string> Email(const std::string& text) {
  std::string mail = Lower(text);
  if (mail.starts_with("mailto:")) mail = mail.substr(7, mail.find('?') - 7);
  const auto at = mail.find('@');
  const bool one = at != mail.npos && at > 0 && mail.find('@', at + 1) == mail.npos;
  if (!one || mail.find('.', at) == mail.npos || mail.find(' ') != mail.npos) return std::nullopt;
  return Quoted(mail);
}

}  // namespace

std::string CleanText(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kReferences = {
      {{"&amp;", "&"},
       {"&quot;", "\""},
       {"&#39;", "'"},
       {"&apos;", "'"},
       {"&lt;", "<"},
       {"&gt;", ">"},
       {"&nbsp;", " "}}};
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    std::string_view piece = text.substr(i, 1);
    std::size_t length = 1;
    if (text[i] == '&') {
      for (const auto& [name, character] : kReferences) {
        if (text.substr(i).starts_with(name)) piece = character, length = name.size();
      }
    }
    i += length;
    const bool blank = static_cast<unsigned char>(piece[0]) <= ' ';
    if (!blank)
      out += piece;
    else if (!out.empty() && out.back() != ' ')
      out += ' ';
  }
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

std::optional<std::string> FieldValue(FieldKind kind, std::string_view raw, const Url& base) {
  const std::string text = CleanText(raw);
  if (text.empty()) return std::nullopt;
  switch (kind) {
    case FieldKind::kText:
    case FieldKind::kList:
      return Quoted(text);
    case FieldKind::kWord:
      return Quoted(LocalName(text));
    case FieldKind::kNumber:
      return NumberText(OneNumber(text), false);
    case FieldKind::kInteger:
      return NumberText(OneNumber(text), true);
    case FieldKind::kYear:
      return Year(text);
    case FieldKind::kYearlyMoney:
      if (SaysPer(text, {"month", "/mo", "monthly", "quarter"})) return std::nullopt;
      return NumberText(OneNumber(text), false);
    case FieldKind::kMonthlyMoney:
      if (SaysPer(text, {"year", "/yr", "annual", "quarter"})) return std::nullopt;
      return NumberText(OneNumber(text), false);
    case FieldKind::kMoney:
      return NumberText(OneNumber(text), false);
    case FieldKind::kRangeLow:
      return NumberText(RangeEnd(text, false), false);
    case FieldKind::kRangeHigh:
      return NumberText(RangeEnd(text, true), false);
    case FieldKind::kUrl: {
      const auto url = ResolveUrl(base, text);
      if (!url) return std::nullopt;
      return Quoted(url->text);
    }
    case FieldKind::kEmail:
      return Email(text);
    case FieldKind::kPhone: {
      const auto digits = std::ranges::count_if(text, IsDigit);
      if (digits < 7 || digits > 20 || text.size() > 60) return std::nullopt;
      return Quoted(text.starts_with("tel:") ? text.substr(4) : text);
    }
  }
  return std::nullopt;
}

}  // namespace forager::collectors
