// The attempts whose trees are not proven empty, found by the keeper's number or by their ref.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "supervisor/running_attempt.h"

namespace forager::supervisor {

class AttemptTable {
 public:
  RunningAttempt* Find(std::uint64_t id) const {
    auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : found->second.get();
  }
  RunningAttempt* Find(const AttemptRef& ref) const {
    auto found = by_ref_.find(ref);
    return found == by_ref_.end() ? nullptr : Find(found->second);
  }
  // The last attempt of the job.
  RunningAttempt* FindOf(const std::string& job_id) const {
    auto found = by_ref_.upper_bound(AttemptRef{job_id, std::numeric_limits<int>::max()});
    if (found == by_ref_.begin() || (--found)->first.job_id != job_id) return nullptr;
    return Find(found->second);
  }
  void Add(std::unique_ptr<RunningAttempt> attempt) {
    descriptors_ += attempt->descriptors();
    by_ref_[attempt->ref()] = attempt->id();
    by_id_.emplace(attempt->id(), std::move(attempt));
  }
  void Remove(std::uint64_t id) {
    auto found = by_id_.find(id);
    descriptors_ -= found->second->descriptors();
    by_ref_.erase(found->second->ref());
    by_id_.erase(found);
  }

  std::vector<AttemptRef> Refs() const {
    std::vector<AttemptRef> refs;
    for (const auto& [ref, id] : by_ref_) refs.push_back(ref);
    return refs;
  }
  auto begin() const { return by_id_.begin(); }
  auto end() const { return by_id_.end(); }
  bool empty() const { return by_id_.empty(); }
  int size() const { return static_cast<int>(by_id_.size()); }
  // Of this process, for all of them.
  std::int64_t descriptors() const { return descriptors_; }

 private:
  std::unordered_map<std::uint64_t, std::unique_ptr<RunningAttempt>> by_id_;
  std::map<AttemptRef, std::uint64_t> by_ref_;
  std::int64_t descriptors_ = 0;
};

}  // namespace forager::supervisor
