// /healthz, /readyz, and /metrics in Prometheus' text form.
#include <fmt/format.h>

#include <iterator>
#include <optional>

#include "api/handlers.h"
#include "api/problem.h"

namespace forager::api {
namespace {

class MetricsText {
 public:
  void Gauge(std::string_view name, std::string_view help, double value) {
    Head(name, "gauge", help);
    fmt::format_to(Out(), "{} {}\n", name, value);
  }
  void Head(std::string_view name, std::string_view type, std::string_view help) {
    fmt::format_to(Out(), "# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
  }
  void Jobs(State state, std::int64_t count) {
    fmt::format_to(Out(), "forager_jobs{{status=\"{}\"}} {}\n", Name(state), count);
  }
  std::string text;

 private:
  std::back_insert_iterator<std::string> Out() { return std::back_inserter(text); }
};

void WriteJobs(MetricsText& out, const store::Stats& stats) {
  out.Head("forager_jobs", "gauge", "Jobs by status.");
  out.Jobs(State::kPending, stats.pending_jobs);
  out.Jobs(State::kRunning, stats.running_jobs);
  out.Jobs(State::kCompleted, stats.completed_jobs);
  out.Jobs(State::kFailed, stats.failed_jobs);
  out.Jobs(State::kCancelled, stats.cancelled_jobs);
  out.Gauge("forager_oldest_pending_seconds", "Age of the oldest pending job.",
            stats.oldest_pending_seconds.value_or(0));
}

std::string MetricsBody(const Call& call, const std::optional<store::Stats>& stats) {
  MetricsText out;
  if (stats) WriteJobs(out, *stats);
  const Services& services = *call.services;
  out.Gauge("forager_stuck_running", "Running rows with nothing alive behind them; must be 0.",
            services.control.stuck_running());
  out.Gauge("forager_store_healthy", "1 while the store can be written.",
            services.store.health().ok ? 1 : 0);
  out.Gauge("forager_waiting_requests", "Requests that wait for the end of a job.",
            static_cast<double>(services.waiters.size()));
  return out.text + services.control.metrics();
}

}  // namespace

Result<http::Response> Healthz(const Call&) { return Json(200, R"({"status":"ok"})"); }

Result<http::Response> Readyz(const Call& call) {
  if (call.control().shutting_down()) {
    return Fail(ErrorCode::kUnavailable, "The server is shutting down.");
  }
  store::Health health = call.store().health();
  if (!health.ok) return Fail(ErrorCode::kUnavailable, health.reason);
  return Json(200, R"({"status":"ready"})");
}

// Without figures of jobs when the store cannot be read: the rest matters most just then.
void Metrics(CallPtr call) {
  auto stats = std::make_shared<std::optional<store::Stats>>();
  call->store().Read(
      [call, stats](store::Store& store) -> Result<void> {
        auto read = store.GetStats(call->Now());
        if (!read) return std::unexpected(read.error());
        *stats = *read;
        return {};
      },
      [call, stats](Result<void>) {
        http::Response response = Json(200, MetricsBody(*call, *stats));
        response.content_type = "text/plain; version=0.0.4; charset=utf-8";
        call->Send(std::move(response));
      });
}

}  // namespace forager::api
