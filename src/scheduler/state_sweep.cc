#include "scheduler/state_sweep.h"

#include <algorithm>
#include <utility>

#include "os/log.h"

namespace forager::scheduler {
namespace {

constexpr Millis kInterval{10 * 60'000};
constexpr std::size_t kBatch = 200;

Result<std::vector<std::string>> Unneeded(store::Store& store,
                                          const std::vector<std::string>& jobs) {
  std::vector<std::string> unneeded;
  for (const std::string& job_id : jobs) {
    auto job = store.Find(job_id);
    if (!job && job.error().code != ErrorCode::kNotFound) return std::unexpected(job.error());
    if (!job || job->status == State::kCompleted) unneeded.push_back(job_id);
  }
  return unneeded;
}

}  // namespace

StateSweep::StateSweep(os::EventLoop& loop, StoreCalls& calls, supervisor::Supervisor& supervisor)
    : calls_(calls),
      supervisor_(supervisor),
      timer_(loop.Every(kInterval, [this] { RunOnce(); })) {}

void StateSweep::RunOnce() {
  if (std::exchange(running_, true)) return;
  left_ = supervisor_.JobsWithState();
  Batch();
}

void StateSweep::Batch() {
  if (left_.empty()) {
    running_ = false;
    return;
  }
  std::size_t size = std::min(kBatch, left_.size());
  std::vector<std::string> jobs(left_.end() - static_cast<std::ptrdiff_t>(size), left_.end());
  left_.resize(left_.size() - size);
  calls_.Read<std::vector<std::string>>(
      [jobs](store::Store& store) { return Unneeded(store, jobs); },
      [this](Result<std::vector<std::string>> unneeded) {
        if (!unneeded) {
          os::LogWarning("State directories were not looked through: " + unneeded.error().detail);
          left_.clear();
        } else {
          for (const std::string& job_id : *unneeded) supervisor_.ForgetState(job_id);
        }
        Batch();
      });
}

}  // namespace forager::scheduler
