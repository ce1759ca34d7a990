// Text of a page to the JSON value of a field: money and areas to numbers, links absolute, lists as
// arrays. A text that does not say one such value gives nothing. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "collectors/url.h"

namespace forager::collectors {

enum class FieldKind {
  kText,
  kWord,  // the last part of a vocabulary address: https://schema.org/InStock -> InStock
  kNumber,
  kInteger,
  kYear,
  kMoney,
  kYearlyMoney,  // a text that says "per month" is not one
  kMonthlyMoney,
  kRangeLow,  // "$350,000 - $600,000"
  kRangeHigh,
  kUrl,
  kEmail,
  kPhone,
  kList,  // all values, each a text
};

// One JSON value as text, of any kind but kList.
std::optional<std::string> FieldValue(FieldKind kind, std::string_view text, const Url& base);
// Blanks collapsed, the common character references resolved.
std::string CleanText(std::string_view text);

}  // namespace forager::collectors
