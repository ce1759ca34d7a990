// Every handler of the route table, by noun; each file of the same name holds its own.
#pragma once

#include "api/call.h"

namespace forager::api {

// jobs_create
Result<WriteWork> CreateJob(const Call& call);
Result<WriteWork> CreateJobs(const Call& call);
// jobs_read
Result<ReadWork> ListJobs(const Call& call);
Result<ReadWork> GetJob(const Call& call);
Result<ReadWork> GetAttempts(const Call& call);
Result<ReadWork> GetLogs(const Call& call);
Result<ReadWork> GetChanges(const Call& call);
Result<ReadWork> ListChanges(const Call& call);
// explain
void ExplainJob(CallPtr call);
// jobs_actions
Result<WriteWork> ExecutePending(const Call& call);
Result<WriteWork> StartJob(const Call& call);
Result<WriteWork> RetryJob(const Call& call);
Result<WriteWork> DeleteJob(const Call& call);
// job_cancel
void CancelJob(CallPtr call);
// jobs_execute
void ExecuteJob(CallPtr call);
// reset_stuck
void ResetStuck(CallPtr call);
// jobs_bulk
void DeleteJobs(CallPtr call);
void BulkRetry(CallPtr call);
void BulkCancel(CallPtr call);
void BulkStart(CallPtr call);
void BulkDelete(CallPtr call);
// monitor_stats
Result<ReadWork> GetStats(const Call& call);
Result<http::Response> GetMonitor(const Call& call);
// dispatch
Result<ReadWork> GetDispatch(const Call& call);
Result<WriteWork> PauseDispatch(const Call& call);
Result<WriteWork> ResumeDispatch(const Call& call);
// schedules
Result<ReadWork> ListSchedules(const Call& call);
Result<WriteWork> CreateSchedule(const Call& call);
Result<ReadWork> GetSchedule(const Call& call);
Result<WriteWork> ChangeSchedule(const Call& call);
Result<WriteWork> DeleteSchedule(const Call& call);
Result<WriteWork> RunSchedule(const Call& call);
Result<ReadWork> GetScheduleRuns(const Call& call);
Result<http::Response> PreviewSchedule(const Call& call);
// nodes
Result<ReadWork> GetNodes(const Call& call);
Result<WriteWork> DrainNode(const Call& call);
Result<WriteWork> ResumeNode(const Call& call);
// history
Result<ReadWork> GetHistory(const Call& call);
// running
void GetRunning(CallPtr call);
// types_config
Result<http::Response> GetTypes(const Call& call);
Result<http::Response> GetConfig(const Call& call);
// tokens_sessions
Result<http::Response> GetMe(const Call& call);
Result<ReadWork> ListTokens(const Call& call);
Result<WriteWork> CreateToken(const Call& call);
Result<WriteWork> RevokeToken(const Call& call);
Result<WriteWork> LogOut(const Call& call);
// login
void LogIn(CallPtr call);
// events
Result<http::Response> StreamEvents(const Call& call);
// alerts
Result<ReadWork> GetAlerts(const Call& call);
Result<WriteWork> TestAlerts(const Call& call);
// health_metrics
Result<http::Response> Healthz(const Call& call);
Result<http::Response> Readyz(const Call& call);
void Metrics(CallPtr call);
// docs
Result<http::Response> OpenApi(const Call& call);
Result<http::Response> Docs(const Call& call);

}  // namespace forager::api
