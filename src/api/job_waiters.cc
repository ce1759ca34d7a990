#include "api/job_waiters.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace forager::api {

std::uint64_t JobWaiters::Add(const std::string& job_id, Reader reader, os::Steady deadline,
                              Wake wake) {
  std::lock_guard lock(mutex_);
  if (waiters_.size() >= max_) return 0;
  std::uint64_t id = next_id_++;
  waiters_.emplace(id, Waiter{job_id, std::move(reader), deadline,
                              std::make_shared<Wake>(std::move(wake))});
  return id;
}

void JobWaiters::Remove(std::uint64_t id) {
  std::lock_guard lock(mutex_);
  waiters_.erase(id);
}

void JobWaiters::WakeThose(const std::function<bool(const Waiter&)>& chosen) {
  std::vector<std::shared_ptr<Wake>> wakes;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [id, waiter] : waiters_) {
      if (chosen(waiter)) wakes.push_back(waiter.wake);
    }
  }
  for (const auto& wake : wakes) (*wake)(false);
}

void JobWaiters::Notify(const store::Committed& committed) {
  WakeThose([&](const Waiter& waiter) {
    return committed.many ||
           std::ranges::find(committed.job_ids, waiter.job_id) != committed.job_ids.end();
  });
}

void JobWaiters::WakeCaller(const std::string& caller) {
  WakeThose([&](const Waiter& waiter) { return waiter.reader.caller == caller; });
}

std::vector<Reader> JobWaiters::Readers() const {
  std::lock_guard lock(mutex_);
  std::vector<Reader> readers;
  for (const auto& [id, waiter] : waiters_) {
    if (!waiter.reader.shown.hash.empty()) readers.push_back(waiter.reader);
  }
  return readers;
}

void JobWaiters::Tick() { Expire(clock_.SteadyNow(), false); }

void JobWaiters::Close() { Expire({}, true); }

void JobWaiters::Expire(os::Steady now, bool all) {
  std::vector<std::shared_ptr<Wake>> wakes;
  {
    std::lock_guard lock(mutex_);
    std::erase_if(waiters_, [&](const auto& entry) {
      if (!all && entry.second.deadline > now) return false;
      wakes.push_back(entry.second.wake);
      return true;
    });
  }
  for (const auto& wake : wakes) (*wake)(true);
}

std::size_t JobWaiters::size() const {
  std::lock_guard lock(mutex_);
  return waiters_.size();
}

}  // namespace forager::api
