#include "calendar/zone.h"

#include <algorithm>

namespace forager::calendar {
namespace {

constexpr std::chrono::hours kMostOffset{26};

}  // namespace

bool Zone::Span::Shows(local_seconds local) const {
  auto utc = sys_seconds(local.time_since_epoch()) - offset;
  return begin <= utc && utc < end;
}

Zone::Span Zone::SpanOf(std::size_t index) const {
  return {index == 0 ? sys_seconds::min() : changes_[index - 1].at,
          index == changes_.size() ? sys_seconds::max() : changes_[index].at,
          index == 0 ? first_ : changes_[index - 1].offset};
}

Zone::Span Zone::At(sys_seconds time) const {
  auto after = std::ranges::upper_bound(changes_, time, {}, &Change::at);
  return SpanOf(static_cast<std::size_t>(after - changes_.begin()));
}

local_seconds Zone::ToLocal(sys_seconds time) const {
  return local_seconds((time + At(time).offset).time_since_epoch());
}

sys_seconds Zone::FromLocal(local_seconds local) const {
  sys_seconds near(local.time_since_epoch());
  auto from = std::ranges::upper_bound(changes_, near - kMostOffset, {}, &Change::at);
  for (auto i = static_cast<std::size_t>(from - changes_.begin()); i <= changes_.size(); ++i) {
    Span span = SpanOf(i);
    if (span.Shows(local)) return near - span.offset;
    if (near - span.offset < span.begin) return span.begin;  // it fell into the gap before
  }
  return near - SpanOf(changes_.size()).offset;
}

}  // namespace forager::calendar
