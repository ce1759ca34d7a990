// GET /stats and GET /monitor.
#include <algorithm>

#include "api/handlers.h"
#include "api/object_writer.h"

namespace forager::api {

Result<ReadWork> GetStats(const Call& call) {
  return [&call](store::Store& store) -> Result<http::Response> {
    auto stats = store.GetStats(call.Now());
    if (!stats) return std::unexpected(stats.error());
    // The census is seconds old; what has left `running` since is not stuck.
    std::optional<double> stuck = call.control().stuck_running();
    if (stuck) stuck = std::min(*stuck, static_cast<double>(stats->running_jobs));
    return Json(200, ObjectWriter()
                         .Int("total_jobs", stats->total_jobs)
                         .Int("pending_jobs", stats->pending_jobs)
                         .Int("running_jobs", stats->running_jobs)
                         .Int("completed_jobs", stats->completed_jobs)
                         .Int("failed_jobs", stats->failed_jobs)
                         .Int("cancelled_jobs", stats->cancelled_jobs)
                         .Number("success_rate", stats->success_rate)
                         .Number("average_duration", stats->average_duration)
                         .Int("total_entities_collected", stats->total_entities_collected)
                         .Int("total_changes_detected", stats->total_changes_detected)
                         .Number("oldest_pending_seconds", stats->oldest_pending_seconds)
                         .Number("stuck_running", stuck)
                         .Take());
  };
}

Result<http::Response> GetMonitor(const Call& call) {
  MonitorStatus status = call.control().monitor();
  std::string recent = WriteArray(status.recent, [](const MonitorStatus::Reset& reset) {
    return ObjectWriter().Text("job_id", reset.job_id).Time("at", reset.at).Take();
  });
  return Json(200,
              ObjectWriter()
                  .Bool("enabled", status.enabled)
                  .Number("interval_seconds", static_cast<double>(status.interval.count()) / 1e3)
                  .Number("timeout_minutes", static_cast<double>(status.timeout.count()) / 60e3)
                  .Time("last_run", status.last_run)
                  .Int("reset_last_run", status.reset_last)
                  .Int("reset_total", status.reset_total)
                  .Time("next_run", status.next_run)
                  .TextOrNull("last_error", status.last_error)
                  .Raw("recent_resets", recent)
                  .Take());
}

}  // namespace forager::api
