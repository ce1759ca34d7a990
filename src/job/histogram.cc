#include "job/histogram.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace forager {
namespace {

constexpr double kStepsPerDoubling = 4;
constexpr int kLastStep = 140;  // a year and more

// 0: less than a millisecond. n: from 2^((n-1)/4) ms on.
int StepOf(Millis duration) {
  if (duration < Millis(1)) return 0;
  auto step = std::log2(static_cast<double>(duration.count())) * kStepsPerDoubling;
  return std::min(kLastStep, 1 + static_cast<int>(step));
}

double MiddleOf(int step) {
  return step == 0 ? 0 : std::exp2((step - 0.5) / kStepsPerDoubling) / 1'000;
}

}  // namespace

void Histogram::Count(int step, std::int64_t times) {
  auto at = counts_.end();
  if (!counts_.empty() && counts_.back().first >= step)
    at = std::ranges::lower_bound(counts_, step, {}, &std::pair<int, std::int64_t>::first);
  if (at != counts_.end() && at->first == step) {
    at->second += times;
  } else {
    counts_.insert(at, {step, times});
  }
}

void Histogram::Add(Millis duration, std::int64_t times) { Count(StepOf(duration), times); }

void Histogram::Add(const Histogram& other) {
  if (counts_.empty()) counts_.reserve(other.counts_.size());
  for (auto [step, count] : other.counts_) Count(step, count);
}

std::int64_t Histogram::count() const {
  std::int64_t sum = 0;
  for (auto [step, count] : counts_) sum += count;
  return sum;
}

std::optional<double> Histogram::Quantile(double q) const {
  auto rank = static_cast<std::int64_t>(std::ceil(q * static_cast<double>(count())));
  std::int64_t seen = 0;
  for (auto [step, count] : counts_) {
    seen += count;
    // Three digits: more would only pretend.
    if (seen >= rank) return std::stod(fmt::format("{:.3g}", MiddleOf(step)));
  }
  return std::nullopt;
}

std::string Histogram::Text() const {
  std::string text;
  for (auto [step, count] : counts_) {
    if (!text.empty()) text += ',';
    fmt::format_to(std::back_inserter(text), "{}:{}", step, count);
  }
  return text;
}

Histogram Histogram::Parse(std::string_view text) {
  Histogram histogram;
  const char* at = text.data();
  const char* end = at + text.size();
  while (at < end) {
    int step = 0;
    std::int64_t count = 0;
    auto first = std::from_chars(at, end, step);
    if (first.ec != std::errc{} || first.ptr == end || *first.ptr != ':') break;
    auto second = std::from_chars(first.ptr + 1, end, count);
    if (second.ec != std::errc{} || step < 0 || step > kLastStep || count <= 0) break;
    histogram.Count(step, count);
    at = second.ptr;
    if (at < end && *at++ != ',') break;
  }
  return histogram;
}

}  // namespace forager
