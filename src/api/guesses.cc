#include "api/guesses.h"

#include <algorithm>

namespace forager::api {
namespace {

constexpr std::size_t kMostAddresses = 10'000;
constexpr std::chrono::seconds kBetweenSweeps{1};

}  // namespace

double Guesses::Bucket::Taken(const Rate& rate, os::Steady now) const {
  double passed = std::chrono::duration<double>(now - at).count();
  return std::max(0.0, taken - passed * rate.per_second);
}

bool Guesses::Bucket::Take(const Rate& rate, os::Steady now) {
  double already = Taken(rate, now);
  if (already > rate.burst - 1) return false;
  taken = already + 1;
  at = now;
  return true;
}

Guesses::Address& Guesses::Find(const std::string& address, os::Steady now) {
  auto found = addresses_.find(address);
  if (found != addresses_.end()) return found->second;
  if (addresses_.size() >= kMostAddresses && now - swept_ >= kBetweenSweeps) {
    swept_ = now;
    std::erase_if(addresses_, [&](const auto& entry) {
      const Address& one = entry.second;
      return one.answers.Taken(kAnswers, now) + one.looks.Taken(kLooks, now) +
                 one.lines.Taken(kLines, now) ==
             0;
    });
  }
  return addresses_.size() < kMostAddresses ? addresses_[address] : crowd_;
}

bool Guesses::MayLook(const std::string& address, os::Steady now) {
  std::lock_guard lock(mutex_);
  auto found = addresses_.find(address);
  // Whoever was never wrong is let through without a place in the table.
  if (found == addresses_.end() && addresses_.size() < kMostAddresses) return true;
  const Address& one = found == addresses_.end() ? crowd_ : found->second;
  return one.looks.Taken(kLooks, now) <= kLooks.burst - 1;
}

bool Guesses::Wrong(const std::string& address, os::Steady now, bool looked) {
  std::lock_guard lock(mutex_);
  Address& one = Find(address, now);
  if (looked) one.looks.Take(kLooks, now);
  return one.answers.Take(kAnswers, now);
}

bool Guesses::MayLog(const std::string& address, os::Steady now) {
  std::lock_guard lock(mutex_);
  return Find(address, now).lines.Take(kLines, now);
}

}  // namespace forager::api
