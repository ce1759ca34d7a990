#include "scheduler/log_budget.h"

#include <algorithm>

namespace forager::scheduler {
namespace {

constexpr std::int64_t kTrimEvery = 2'500;  // rows too many

}  // namespace

void LogBudget::Take(std::size_t cost) {
  ++rows_;
  if (newest_.empty() && (first_rows_ == 0 || first_bytes_ + cost <= kFirst)) {
    ++first_rows_;
    first_bytes_ += cost;
    return;
  }
  newest_.push_back(static_cast<std::uint32_t>(cost));
  newest_bytes_ += cost;
  while (newest_bytes_ > kNewest && newest_.size() > 1) {
    newest_bytes_ -= newest_.front();
    if (newest_.front() != kNoticeCost)
      Drop(1, static_cast<std::int64_t>(newest_.front() - kRowCost + 1));  // with its newline
    newest_.pop_front();
  }
}

std::optional<store::AttemptNews::KeptLogs> LogBudget::Trim(std::vector<LogLine>& rows, bool now) {
  auto newest = static_cast<std::int64_t>(newest_.size());
  std::int64_t kept = first_rows_ + newest;
  // Of the rows at hand the first ones of all stand in front, then those that may be dropped.
  auto at_hand = static_cast<std::int64_t>(rows.size());
  std::int64_t front = std::max<std::int64_t>(first_rows_ - (rows_ - at_hand), 0);
  std::int64_t gone = std::clamp<std::int64_t>(at_hand - front - newest, 0, rows_ - kept);
  rows.erase(rows.begin() + front, rows.begin() + front + gone);
  rows_ -= gone;
  std::int64_t too_many = rows_ - kept;
  if (!now && too_many < kTrimEvery) return std::nullopt;
  rows_ = kept;
  return store::AttemptNews::KeptLogs{first_rows_, newest};
}

}  // namespace forager::scheduler
