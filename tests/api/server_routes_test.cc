// What the API tells about the server, and how it routes.
#include "os/shortage.h"
#include "tests/api/api_fixture.h"

namespace forager::api {
namespace {

using testing::HasSubstr;
using testing::Not;

class ServerApi : public ApiTest {
 protected:
  std::set<std::string> ReasonCodes(const std::string& id) {
    std::set<std::string> codes;
    json::value explained = Get("/jobs/" + id + "/explain").Json();
    for (const auto& reason : explained.at("reasons").as_array()) {
      codes.insert(std::string(reason.at("code").as_string()));
      EXPECT_FALSE(reason.at("message").as_string().empty());
    }
    return codes;
  }
};

TEST_F(ServerApi, UnknownRoutesAndWrongMethods) {
  EXPECT_EQ(Get("/nothing").status, 404);
  EXPECT_EQ(Get("//").status, 404);
  EXPECT_EQ(Get("/jobs/").status, 404);
  EXPECT_EQ(Get("/jobs/a/b/c").status, 404);
  Answered wrong = Ask("PUT", "/jobs");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.Header("Allow"), "POST, GET, DELETE, HEAD");
  Answered bulk = Get("/jobs/bulk");
  EXPECT_EQ(bulk.status, 405) << "bulk is not a job";
  EXPECT_EQ(bulk.Header("Allow"), "POST");
  EXPECT_EQ(Ask("HEAD", "/jobs").status, 200);
  EXPECT_EQ(Ask("HEAD", "/jobs/bulk").status, 405);
}

TEST_F(ServerApi, EveryRouteRefusesAnUnknownParameter) {
  for (const Route& route : Routes()) {
    std::string path = "/" + route.path;
    if (std::size_t hole = path.find("{id}"); hole != path.npos) path.replace(hole, 4, "1");
    Answered answer = Ask(std::string(route.method), path + "?colour=red");
    EXPECT_EQ(answer.status, 422) << route.method << path;
    EXPECT_EQ(answer.Text("/errors/0/field"), "colour");
  }
}

TEST_F(ServerApi, StatsCount) {
  Submitted();
  Completed();
  Failed();
  Answered stats = Get("/stats");
  EXPECT_EQ(stats.Int("/total_jobs"), 3);
  EXPECT_EQ(stats.Int("/pending_jobs"), 1);
  EXPECT_EQ(stats.Int("/completed_jobs"), 1);
  EXPECT_EQ(stats.Int("/failed_jobs"), 1);
  EXPECT_EQ(stats.Json().at("success_rate").to_number<double>(), 0.5);
  EXPECT_EQ(stats.Int("/stuck_running"), 0);
  control_.stuck.reset();
  EXPECT_TRUE(Get("/stats").Json().at("stuck_running").is_null()) << "unknown is not 0";
}

TEST_F(ServerApi, StatsOfAnEmptyStoreHaveNoRates) {
  json::value stats = Get("/stats").Json();
  EXPECT_TRUE(stats.at("success_rate").is_null());
  EXPECT_TRUE(stats.at("average_duration").is_null());
  EXPECT_TRUE(stats.at("oldest_pending_seconds").is_null());
}

TEST_F(ServerApi, RunningTellsWhatEachLimitLeaves) {
  EXPECT_TRUE(Get("/running").Json().at("attempts").as_array().empty());
  control_.live = {{{"JOB-1-A", 2}, {60s, 1500ms}, {30s, 29s}, {10min, 9min}, true, true, ""}};
  Answered running = Get("/running");
  EXPECT_EQ(running.Text("/attempts/0/job_id"), "JOB-1-A");
  EXPECT_EQ(running.Int("/attempts/0/attempt"), 2);
  EXPECT_EQ(running.Json().at_pointer("/attempts/0/deadline/left_seconds").to_number<double>(),
            1.5);
  EXPECT_EQ(running.Json().at_pointer("/attempts/0/stall/limit_seconds").to_number<double>(), 600);
  EXPECT_TRUE(running.Json().at_pointer("/attempts/0/stopping").as_bool());
  EXPECT_TRUE(running.Json().at_pointer("/attempts/0/speaks").as_bool());
}

TEST_F(ServerApi, AClockThatRestsLeavesNoNumberAndSignsOfLifeAreTold) {
  std::string id = Running();
  control_.live = {
      {{id, 1}, {60s, 50s}, {30s, 30s, true}, {10min, 9min}, false, false, "Signs: some."},
      {{"JOB-1-OTHER", 1}, {60s, 50s}, {30s, 3s}, {10min, 9min}, false, true, "Others."}};
  json::value attempt = Get("/running").Json().at_pointer("/attempts/0");
  EXPECT_TRUE(attempt.at_pointer("/heartbeat/left_seconds").is_null());
  EXPECT_FALSE(attempt.at("speaks").as_bool());
  EXPECT_EQ(attempt.at("signs_of_life").as_string(), "Signs: some.");
  EXPECT_TRUE(ReasonCodes(id).contains("signs_of_life"));
  std::string explained = Get("/jobs/" + id + "/explain").body;
  EXPECT_THAT(explained, HasSubstr("Signs: some."));
  EXPECT_THAT(explained, testing::Not(HasSubstr("Others.")));
  control_.live[0].ref.attempt = 2;  // not the attempt of the row
  EXPECT_FALSE(ReasonCodes(id).contains("signs_of_life"));
}

TEST_F(ServerApi, AllChangesAreListed) {
  Answered none = Get("/changes?entity_type=property&status=pending&page_size=5");
  EXPECT_EQ(none.status, 200);
  EXPECT_EQ(none.Int("/total"), 0);
  EXPECT_EQ(Get("/changes?status=Not%20a%20word").status, 422);
  EXPECT_EQ(Get("/changes?cursor=x").status, 422);
}

TEST_F(ServerApi, MonitorTellsItsRuns) {
  control_.monitor_status.last_error = "disk";
  control_.monitor_status.reset_total = 7;
  control_.monitor_status.recent = {{"JOB-1-A", WallTime{}}};
  Answered monitor = Get("/monitor");
  EXPECT_EQ(monitor.Json().at("interval_seconds").to_number<double>(), 300);
  EXPECT_EQ(monitor.Json().at("timeout_minutes").to_number<double>(), 30);
  EXPECT_TRUE(monitor.Json().at("last_run").is_null());
  EXPECT_EQ(monitor.Int("/reset_total"), 7);
  EXPECT_EQ(monitor.Text("/last_error"), "disk");
  EXPECT_EQ(monitor.Text("/recent_resets/0/job_id"), "JOB-1-A");
}

TEST_F(ServerApi, DispatchPausesInAllAndPerType) {
  control_.claim_limits.per_type = {{"property", 2}};
  Answered before = Get("/dispatch");
  EXPECT_EQ(before.Text("/mode"), "on_request");
  EXPECT_EQ(before.Int("/max_running"), 1);
  EXPECT_EQ(before.Int("/max_running_per_type/property"), 2);
  EXPECT_FALSE(before.Json().at("paused").as_bool());
  Answered type = Post("/dispatch/pause", R"({"entity_type":"property"})");
  EXPECT_EQ(type.Text("/paused_types/0"), "property");
  EXPECT_FALSE(type.Json().at("paused").as_bool());
  EXPECT_TRUE(Post("/dispatch/pause").Json().at("paused").as_bool());
  EXPECT_FALSE(Post("/dispatch/resume", "{}").Json().at("paused").as_bool());
  EXPECT_EQ(Post("/dispatch/resume", R"({"entity_type":"property"})")
                .Json()
                .at("paused_types")
                .as_array()
                .size(),
            0u);
  EXPECT_EQ(Post("/dispatch/pause", R"({"entity":"property"})").status, 422);
  EXPECT_EQ(Post("/dispatch/pause", R"({"entity_type":"No!"})").status, 422);
}

TEST_F(ServerApi, TypesAndConfig) {
  Answered types = Get("/types");
  EXPECT_EQ(types.Text("/types/0/entity_type"), "property");
  EXPECT_EQ(types.Text("/types/0/collector"), "web");
  EXPECT_EQ(types.Int("/defaults/priority"), 5);
  EXPECT_EQ(Get("/config").Text("/settings/0/source"), "default");
}

TEST_F(ServerApi, HealthAndReadiness) {
  EXPECT_EQ(Get("//healthz").body, R"({"status":"ok"})");
  EXPECT_EQ(Get("//readyz").body, R"({"status":"ready"})");
  os::NoteShortage("no process can be made");
  EXPECT_EQ(Get("//readyz").Text("/detail"),
            "Attempts wait to be started: no process can be made");
  EXPECT_EQ(Get("//readyz").status, 200);
  os::NoteShortage("");
  control_.stopping = true;
  EXPECT_EQ(Get("//readyz").status, 503);
  EXPECT_EQ(Get("//healthz").status, 200);
}

TEST_F(ServerApi, MetricsArePrometheusText) {
  Submitted();
  Answered metrics = Get("//metrics");
  EXPECT_THAT(metrics.content_type, HasSubstr("version=0.0.4"));
  EXPECT_EQ(metrics.body, "forager_types 1\n");
}

TEST_F(ServerApi, DocsListEveryRouteAndLoadNothing) {
  Answered docs = Get("//docs");
  EXPECT_THAT(docs.content_type, HasSubstr("text/html"));
  EXPECT_THAT(docs.Header("Content-Security-Policy"), HasSubstr("default-src 'none'"));
  EXPECT_THAT(docs.body, Not(HasSubstr("<script")));
  for (const Route& route : Routes()) EXPECT_THAT(docs.body, HasSubstr(route.path));
}

TEST_F(ServerApi, TheDescriptionHasEveryRouteWithItsParametersAndRole) {
  json::value description = Get("//openapi.json").Json();
  const json::object& paths = description.at("paths").as_object();
  std::size_t described = 0;
  for (const auto& [path, operations] : paths) described += operations.as_object().size();
  EXPECT_EQ(described, Routes().size());
  for (const Route& route : Routes()) {
    std::string method;
    for (char c : route.method) method += static_cast<char>(std::tolower(c));
    ASSERT_TRUE(paths.contains(route.path)) << route.path;
    const json::object& operations = paths.at(route.path).as_object();
    ASSERT_TRUE(operations.contains(method)) << method << route.path;
    const json::object& operation = operations.at(method).as_object();
    std::set<std::string> told, known(route.query.begin(), route.query.end());
    if (const json::value* parameters = operation.if_contains("parameters")) {
      for (const auto& parameter : parameters->as_array()) {
        if (parameter.at("in") == "query")
          told.insert(std::string(parameter.at("name").as_string()));
      }
    }
    EXPECT_EQ(told, known) << method << route.path;
    EXPECT_EQ(operation.contains("requestBody"), route.body) << method << route.path;
    const json::value* role = operation.if_contains("x-role");
    EXPECT_EQ(role ? std::string_view(role->as_string()) : "none", Name(route.role)) << route.path;
  }
}

TEST_F(ServerApi, ExplainSaysWhyAJobWaits) {
  std::string waiting = Submitted();
  EXPECT_THAT(ReasonCodes(waiting), testing::ElementsAre("on_request"));
  std::string running = Running();
  EXPECT_EQ(ReasonCodes(waiting), (std::set<std::string>{"on_request", "limit_reached"}));
  EXPECT_THAT(Get("/jobs/" + waiting + "/explain").body, HasSubstr(running));
  EXPECT_THAT(ReasonCodes(running), testing::ElementsAre("running"));
  Post("/jobs/" + running + "/cancel");
  EXPECT_TRUE(ReasonCodes(running).contains("cancel_requested"));
  Post("/dispatch/pause");
  EXPECT_TRUE(ReasonCodes(waiting).contains("paused"));
  std::string later = Submitted(R"(,"run_at":"2099-01-01T00:00:00Z")");
  EXPECT_TRUE(ReasonCodes(later).contains("run_at"));
  Answered unknown = Post("/jobs", R"({"entity_type":"invalid","job_type":"test"})");
  EXPECT_TRUE(ReasonCodes(unknown.Text("/job_id")).contains("unknown_entity_type"));
}

TEST_F(ServerApi, ExplainSaysWhichHostARunningJobWaitsFor) {
  std::string running = Running();
  control_.turn_waits[{running, 1}] = {"example.com", 11'200ms, 1s};
  EXPECT_TRUE(ReasonCodes(running).contains("host_budget"));
  EXPECT_THAT(
      Get("/jobs/" + running + "/explain").body,
      HasSubstr("It waits 12 s for its turn at example.com (1 request per 1s, shared by all "
                "servers)."));
  control_.turn_waits.clear();
  EXPECT_FALSE(ReasonCodes(running).contains("host_budget"));
}

TEST_F(ServerApi, ExplainSaysHowAJobEnded) {
  std::string failed = Failed();
  EXPECT_THAT(ReasonCodes(failed), testing::ElementsAre("failed"));
  EXPECT_THAT(Get("/jobs/" + failed + "/explain").body, HasSubstr("it broke"));
  EXPECT_THAT(ReasonCodes(Completed()), testing::ElementsAre("completed"));
}

TEST_F(ServerApi, ExplainCountsWhoGoesBefore) {
  control_.automatic_mode = true;
  std::string first = Submitted();
  clock_.Advance(1s);
  std::string second = Submitted();
  EXPECT_THAT(ReasonCodes(first), testing::ElementsAre("ready"));
  EXPECT_THAT(ReasonCodes(second), testing::ElementsAre("queued"));
}

TEST(BodyLimit, IsLargeForBulkOnly) {
  EXPECT_EQ(BodyLimit("POST", "/v1/admin/collection/jobs/bulk"), 16u << 20);
  EXPECT_EQ(BodyLimit("POST", "/v1/admin/collection/jobs"), 1u << 20);
  EXPECT_EQ(BodyLimit("POST", "/jobs/bulk"), 1u << 20);
}

}  // namespace
}  // namespace forager::api
