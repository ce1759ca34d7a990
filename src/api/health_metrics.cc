// /healthz, /readyz, and /metrics in Prometheus' text form.
#include <boost/json.hpp>

#include "api/handlers.h"
#include "api/problem.h"
#include "os/shortage.h"

namespace forager::api {

namespace json = boost::json;

Result<http::Response> Healthz(const Call&) { return Json(200, R"({"status":"ok"})"); }

Result<http::Response> Readyz(const Call& call) {
  if (call.control().shutting_down()) {
    return Fail(ErrorCode::kUnavailable, "The server is shutting down.");
  }
  store::Health health = call.store().health();
  if (!health.ok) return Fail(ErrorCode::kUnavailable, health.reason);
  json::object ready{{"status", "ready"}};
  if (std::string shortage = os::CurrentShortage(); !shortage.empty())
    ready["detail"] = "Attempts wait to be started: " + shortage;
  return Json(200, json::serialize(ready));
}

// Without figures of jobs when the store cannot be read: the rest matters most just then.
void Metrics(CallPtr call) {
  auto figures = std::make_shared<JobFigures>();
  call->store().Read(
      [call, figures](store::Store& store) -> Result<void> {
        auto stats = store.GetStats(call->Now());
        if (!stats) return std::unexpected(stats.error());
        auto totals = store.TotalsByType();
        if (!totals) return std::unexpected(totals.error());
        *figures = {std::move(*totals), stats->oldest_pending_seconds.value_or(0)};
        return {};
      },
      [call, figures](Result<void> read) {
        if (!read) *figures = {};
        http::Response response = Json(200, call->control().metrics(*figures));
        response.content_type = "text/plain; version=0.0.4; charset=utf-8";
        call->Send(std::move(response));
      });
}

}  // namespace forager::api
