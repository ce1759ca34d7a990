#include "app/notifier.h"

#include <fmt/format.h>

#include "job/codec.h"

namespace forager::app {
namespace {

constexpr Millis kTick{200};
constexpr Millis kKeepAlive{15'000};
constexpr std::size_t kMaxJobs = 500;  // of one tick; who wants all reads the list again on `stats`

}  // namespace

Notifier::Notifier(os::EventLoop& loop, const os::Clock& clock, store::StoreService& store,
                   api::EventHub& events)
    : clock_(clock), store_(store), events_(events) {
  tick_ = loop.Every(kTick, [this] { Tell(); });
  keep_alive_ = loop.Every(kKeepAlive, [this] { events_.KeepAlive(); });
}

void Notifier::Changed(const store::Committed& committed) {
  for (const auto& schedule : committed.schedules) {
    events_.Publish("schedule", fmt::format("{{\"id\":{},\"name\":{},\"deleted\":{}}}", schedule.id,
                                            WriteString(schedule.name), schedule.deleted));
  }
  if (committed.job_ids.empty() && !committed.many) return;
  if (!events_.InDemand()) return;
  std::lock_guard lock(mutex_);
  any_ = true;
  for (const std::string& id : committed.job_ids) {
    if (changed_.size() < kMaxJobs) changed_.insert(id);
  }
}

void Notifier::Logged(const AttemptRef& ref, const std::vector<LogLine>& lines) {
  if (!events_.InDemand()) return;
  for (const LogLine& line : lines) {
    events_.Publish(
        "log",
        fmt::format("{{\"job_id\":{},\"log\":{}}}", WriteString(ref.job_id), WriteLogLine(line)),
        ref.job_id);
  }
}

void Notifier::Tell() {
  std::set<std::string> changed;
  {
    std::lock_guard lock(mutex_);
    if (!std::exchange(any_, false)) return;
    changed.swap(changed_);
  }
  WallTime now = clock_.Now();
  store_.Read(
      [this, changed = std::move(changed), now](store::Store& store) -> Result<void> {
        for (const std::string& id : changed) {
          if (auto job = store.Find(id)) {
            events_.Publish("job", WriteJob(*job), id);
          } else if (job.error().code == ErrorCode::kNotFound) {
            events_.Publish("job",
                            fmt::format("{{\"job_id\":{},\"deleted\":true}}", WriteString(id)), id);
          }
        }
        if (auto stats = store.GetStats(now)) {
          events_.Publish("stats", fmt::format("{{\"total_jobs\":{},\"pending_jobs\":{},\"running_"
                                               "jobs\":{},\"completed_jobs\":{},"
                                               "\"failed_jobs\":{},\"cancelled_jobs\":{}}}",
                                               stats->total_jobs, stats->pending_jobs,
                                               stats->running_jobs, stats->completed_jobs,
                                               stats->failed_jobs, stats->cancelled_jobs));
        }
        return {};
      },
      [](const Result<void>&) {});
}

}  // namespace forager::app
