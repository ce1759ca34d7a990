#include "api/routes.h"

#include <optional>

#include "api/handlers.h"

namespace forager::api {
namespace {

constexpr std::string_view kId = "{id}";

std::string Under(std::string_view path) { return std::string(kBase).append(path); }

std::vector<Route> MakeTable() {
  using enum Role;
  const bool none = false, json = true;
  return {
      // jobs
      {"POST", Under("/jobs"), kOperator, {}, json, Write{CreateJob}},
      {"GET",
       Under("/jobs"),
       kViewer,
       {"status", "entity_type", "job_type", "q", "parent_job_id", "created_after",
        "created_before", "sort", "page", "page_size", "cursor"},
       none,
       Read{ListJobs}},
      {"DELETE",
       Under("/jobs"),
       kAdmin,
       {"status", "entity_type", "job_type", "created_before", "delete_all"},
       none,
       Async{DeleteJobs}},
      {"POST", Under("/jobs/bulk"), kOperator, {}, json, Write{CreateJobs}},
      {"POST", Under("/jobs/bulk-retry"), kOperator, {}, json, Async{BulkRetry}},
      {"POST", Under("/jobs/bulk-cancel"), kOperator, {}, json, Async{BulkCancel}},
      {"POST", Under("/jobs/bulk-start"), kOperator, {}, json, Async{BulkStart}},
      {"POST", Under("/jobs/bulk-delete"), kAdmin, {}, json, Async{BulkDelete}},
      {"POST", Under("/jobs/execute-pending"), kOperator, {"limit"}, none, Write{ExecutePending}},
      {"POST",
       Under("/jobs/reset-stuck"),
       kOperator,
       {"timeout_minutes", "requeue"},
       none,
       Async{ResetStuck}},
      {"GET", Under("/jobs/{id}"), kViewer, {}, none, Read{GetJob}},
      {"DELETE", Under("/jobs/{id}"), kAdmin, {}, none, Write{DeleteJob}},
      {"GET", Under("/jobs/{id}/attempts"), kViewer, {}, none, Read{GetAttempts}},
      {"GET",
       Under("/jobs/{id}/logs"),
       kViewer,
       {"limit", "offset", "level", "stage", "attempt"},
       none,
       Read{GetLogs}},
      {"GET",
       Under("/jobs/{id}/changes"),
       kViewer,
       {"page", "page_size", "cursor"},
       none,
       Read{GetChanges}},
      {"GET", Under("/jobs/{id}/explain"), kViewer, {}, none, Async{ExplainJob}},
      {"POST", Under("/jobs/{id}/start"), kOperator, {}, none, Write{StartJob}},
      {"POST", Under("/jobs/{id}/execute"), kOperator, {"wait"}, none, Async{ExecuteJob}},
      {"POST", Under("/jobs/{id}/cancel"), kOperator, {"force"}, none, Async{CancelJob}},
      {"POST", Under("/jobs/{id}/retry"), kOperator, {}, none, Write{RetryJob}},
      {"GET",
       Under("/changes"),
       kViewer,
       {"job_id", "entity_type", "status", "change_type", "page", "page_size", "cursor"},
       none,
       Read{ListChanges}},
      {"GET", Under("/running"), kViewer, {}, none, Async{GetRunning}},
      // schedules
      {"GET", Under("/schedules"), kViewer, {"page", "page_size"}, none, Read{ListSchedules}},
      {"POST", Under("/schedules"), kOperator, {}, json, Write{CreateSchedule}},
      {"POST", Under("/schedules/preview"), kViewer, {}, json, Immediate{PreviewSchedule}},
      {"GET", Under("/schedules/{id}"), kViewer, {}, none, Read{GetSchedule}},
      {"PATCH", Under("/schedules/{id}"), kOperator, {}, json, Write{ChangeSchedule}},
      {"DELETE", Under("/schedules/{id}"), kAdmin, {}, none, Write{DeleteSchedule}},
      {"POST", Under("/schedules/{id}/run"), kOperator, {}, none, Write{RunSchedule}},
      {"GET", Under("/schedules/{id}/runs"), kViewer, {"limit"}, none, Read{GetScheduleRuns}},
      // the server
      {"GET", Under("/stats"), kViewer, {}, none, Read{GetStats}},
      {"GET", Under("/history"), kViewer, {"range", "entity_type"}, none, Read{GetHistory}},
      {"GET", Under("/monitor"), kViewer, {}, none, Immediate{GetMonitor}},
      {"GET", Under("/events"), kViewer, {"types", "job_id"}, none, Immediate{StreamEvents}},
      {"GET", Under("/dispatch"), kViewer, {}, none, Read{GetDispatch}},
      {"POST", Under("/dispatch/pause"), kOperator, {}, json, Write{PauseDispatch}},
      {"POST", Under("/dispatch/resume"), kOperator, {}, json, Write{ResumeDispatch}},
      {"GET", Under("/nodes"), kViewer, {}, none, Read{GetNodes}},
      {"POST", Under("/nodes/{id}/drain"), kOperator, {}, none, Write{DrainNode}},
      {"POST", Under("/nodes/{id}/resume"), kOperator, {}, none, Write{ResumeNode}},
      {"GET", Under("/types"), kViewer, {}, none, Immediate{GetTypes}},
      {"GET", Under("/config"), kViewer, {}, none, Immediate{GetConfig}},
      {"GET", Under("/alerts"), kViewer, {}, none, Read{GetAlerts}},
      {"POST", Under("/alerts/test"), kAdmin, {"receiver"}, none, Write{TestAlerts}},
      // access
      {"GET", Under("/me"), kViewer, {}, none, Immediate{GetMe}},
      {"GET", Under("/tokens"), kAdmin, {}, none, Read{ListTokens}},
      {"POST", Under("/tokens"), kAdmin, {}, json, Write{CreateToken}},
      {"DELETE", Under("/tokens/{id}"), kAdmin, {}, none, Write{RevokeToken}},
      {"POST", Under("/logout"), kViewer, {}, none, Write{LogOut}},
      {"GET", "/login", kNone, {"code"}, none, Async{LogIn}},
      // operations
      {"GET", "/healthz", kNone, {}, none, Immediate{Healthz}},
      {"GET", "/readyz", kNone, {}, none, Immediate{Readyz}},
      {"GET", "/metrics", kMetrics, {}, none, Async{Metrics}},
      {"GET", "/openapi.json", kNone, {}, none, Immediate{OpenApi}},
      {"GET", "/docs", kNone, {}, none, Immediate{Docs}},
  };
}

// The id when `path` has the form of `pattern`; "" when the pattern has none.
std::optional<std::string_view> Fit(std::string_view pattern, std::string_view path) {
  std::size_t hole = pattern.find(kId);
  if (hole == pattern.npos)
    return pattern == path ? std::optional(std::string_view()) : std::nullopt;
  std::string_view tail = pattern.substr(hole + kId.size());
  if (path.size() <= hole + tail.size() || !path.starts_with(pattern.substr(0, hole)) ||
      !path.ends_with(tail)) {
    return std::nullopt;
  }
  std::string_view id = path.substr(hole, path.size() - hole - tail.size());
  if (id.find('/') != id.npos) return std::nullopt;
  return id;
}

}  // namespace

std::span<const Route> Routes() {
  static const std::vector<Route> table = MakeTable();
  return table;
}

Match FindRoute(std::string_view method, std::string_view path) {
  Match match;
  bool literal = false;  // "/jobs/bulk" is never the job "bulk"
  for (const Route& route : Routes()) {
    std::optional<std::string_view> id = Fit(route.path, path);
    if (!id || (literal && !id->empty())) continue;
    if (id->empty() && !literal) {
      literal = true;
      match = {};
    }
    match.allowed.push_back(route.method);
    if (route.method == method || (method == "HEAD" && route.method == "GET")) {
      match.route = &route;
      match.id = *id;
    }
  }
  return match;
}

}  // namespace forager::api
