#include "store/store_service.h"

#include <future>

#include "store/postgres_service.h"
#include "store/sqlite_service.h"

namespace forager::store {
namespace {

Result<void> Wait(const std::function<void(StoreService::Done)>& start) {
  std::promise<Result<void>> promise;
  auto answer = promise.get_future();
  start([&promise](Result<void> result) { promise.set_value(std::move(result)); });
  return answer.get();
}

}  // namespace

void CommitNews::Add(const CommitNews& more) {
  std::size_t room = kMostJobs - job_ids.size();
  many |= more.many || more.job_ids.size() > room;
  job_ids.insert(
      job_ids.end(), more.job_ids.begin(),
      more.job_ids.begin() + static_cast<std::ptrdiff_t>(std::min(room, more.job_ids.size())));
  pending_added |= more.pending_added;
  requested |= more.requested;
  orders_added |= more.orders_added;
  for (const ChangedSchedule& schedule : more.schedules) {
    if (schedules.size() < kMostSchedules) schedules.push_back(schedule);
  }
}

Result<void> StoreService::WriteAndWait(Work work) {
  return Wait([&](Done done) { Write(std::move(work), std::move(done)); });
}

Result<void> StoreService::ReadAndWait(Work work) {
  return Wait([&](Done done) { Read(std::move(work), std::move(done)); });
}

Result<void> StoreService::WritePatiently(const Work& work, std::chrono::seconds limit) {
  auto end = std::chrono::steady_clock::now() + limit;
  for (;;) {
    auto done = WriteAndWait(work);
    bool waits = !done && done.error().code == ErrorCode::kUnavailable;
    if (!waits || std::chrono::steady_clock::now() >= end) return done;
  }
}

Result<std::unique_ptr<StoreService>> StoreService::Open(StoreOptions options) {
  return options.shared() ? OpenPostgres(options) : OpenSqlite(options);
}

}  // namespace forager::store
