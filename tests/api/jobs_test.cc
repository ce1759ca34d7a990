// Creating, reading and moving jobs, over the routes.
#include <thread>

#include "tests/api/api_fixture.h"

namespace forager::api {
namespace {

using testing::HasSubstr;

class JobsApi : public ApiTest {};

TEST_F(JobsApi, CreateAnswersTheJobAndWhereItIs) {
  Answered made = Post("/jobs", R"({"entity_type":"property","job_type":"discovery"})");
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(made.content_type, "application/json");
  EXPECT_EQ(made.Header("Location"), std::string(kBase) + "/jobs/" + made.Text("/job_id"));
  EXPECT_EQ(made.Text("/status"), "pending");
  EXPECT_EQ(made.Int("/priority"), 3) << "the type's own";
  EXPECT_FALSE(made.Json().as_object().contains("warnings"));
}

TEST_F(JobsApi, CreateOfATypeNobodyServesIsAcceptedWithAWarning) {
  Answered made = Post("/jobs", R"({"entity_type":"invalid","job_type":"test"})");
  EXPECT_EQ(made.status, 201);
  EXPECT_THAT(made.Text("/warnings/0"), HasSubstr("\"invalid\""));
}

TEST_F(JobsApi, CreateNamesWhatIsWrong) {
  EXPECT_EQ(Post("/jobs", "{").status, 400);
  Answered wrong = Post("/jobs", R"({"entity_type":"property","job_type":"x","colour":"red"})");
  EXPECT_EQ(wrong.status, 422);
  EXPECT_EQ(wrong.content_type, "application/problem+json");
  EXPECT_EQ(wrong.Text("/errors/0/field"), "colour");
  EXPECT_EQ(wrong.Int("/status"), 422);
  EXPECT_EQ(Get("/jobs").Int("/total"), 0);
}

TEST_F(JobsApi, ASecondPendingJobWithTheSameUniqueKeyIsAConflictThatNamesTheFirst) {
  std::string first = Submitted(R"(,"unique_key":"k")");
  Answered second =
      Post("/jobs", R"({"entity_type":"property","job_type":"discovery","unique_key":"k"})");
  EXPECT_EQ(second.status, 409);
  EXPECT_THAT(second.detail(), HasSubstr(first));
}

TEST_F(JobsApi, AParentMustExist) {
  std::string parent = Submitted();
  EXPECT_EQ(
      Get("/jobs/" + Submitted(R"(,"parent_job_id":")" + parent + '"')).Text("/parent_job_id"),
      parent);
  std::string orphan =
      R"({"entity_type":"property","job_type":"discovery","parent_job_id":"JOB-1-NONE"})";
  EXPECT_EQ(Post("/jobs", orphan).Text("/errors/0/field"), "parent_job_id");
  Answered bulk = Post("/jobs/bulk", "{\"jobs\":[" + orphan + "]}");
  EXPECT_EQ(bulk.status, 422);
  EXPECT_EQ(bulk.Text("/errors/0/field"), "jobs[0].parent_job_id");
  EXPECT_EQ(Get("/jobs").Int("/total"), 2);
}

TEST_F(JobsApi, TooManyPendingJobsAreRefusedForNow) {
  control_.pending_bound = 1;
  Submitted();
  Answered more = Post("/jobs", R"({"entity_type":"property","job_type":"discovery"})");
  EXPECT_EQ(more.status, 503);
  EXPECT_FALSE(more.Header("Retry-After").empty());
}

TEST_F(JobsApi, TheSameIdempotencyKeyReplaysTheFirstAnswer) {
  std::string body = R"({"entity_type":"property","job_type":"discovery"})";
  Answered first = Ask("POST", "/jobs", body, {{"Idempotency-Key", "abc"}});
  Answered again = Ask("POST", "/jobs", body, {{"Idempotency-Key", "abc"}});
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(again.Header("Location"), first.Header("Location"));
  Answered other = Ask("POST", "/jobs", R"({"entity_type":"property","job_type":"update"})",
                       {{"Idempotency-Key", "abc"}});
  EXPECT_EQ(other.status, 422);
  EXPECT_EQ(other.Text("/errors/0/field"), "Idempotency-Key");
  Answered bulk =
      Ask("POST", "/jobs/bulk", "{\"jobs\":[" + body + "]}", {{"Idempotency-Key", "b"}});
  EXPECT_EQ(Ask("POST", "/jobs/bulk", "{\"jobs\":[" + body + "]}", {{"Idempotency-Key", "b"}}).body,
            bulk.body);
  EXPECT_EQ(Get("/jobs").Int("/total"), 2);
}

TEST_F(JobsApi, ManyAtOnceWithTheSameIdempotencyKeyCreateOneJob) {
  std::vector<std::future<Answered>> answers;
  for (int i = 0; i < 50; ++i) {
    answers.push_back(Send("POST", "/jobs", R"({"entity_type":"property","job_type":"discovery"})",
                           {{"Idempotency-Key", "one"}}));
  }
  std::set<std::string> ids;
  for (auto& answer : answers) ids.insert(Wait(std::move(answer)).Text("/job_id"));
  EXPECT_EQ(ids.size(), 1u);
  EXPECT_EQ(Get("/jobs").Int("/total"), 1);
}

TEST_F(JobsApi, AnIdempotencyKeyMustBePrintable) {
  Answered wrong = Ask("POST", "/jobs", R"({"entity_type":"property","job_type":"discovery"})",
                       {{"Idempotency-Key", std::string(256, 'x')}});
  EXPECT_EQ(wrong.status, 422);
}

TEST_F(JobsApi, BulkCreatesAllOrNone) {
  Answered made = Post("/jobs/bulk", R"({"jobs":[{"entity_type":"property","job_type":"a"},
                                                  {"entity_type":"property","job_type":"b"}]})");
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(made.Int("/created"), 2);
  EXPECT_EQ(made.Json().at("job_ids").as_array().size(), 2u);
  EXPECT_FALSE(made.Json().as_object().contains("warnings"));
  Answered wrong = Post("/jobs/bulk", R"({"jobs":[{"entity_type":"property","job_type":"a"},
                                                   {"entity_type":"property"}]})");
  EXPECT_EQ(wrong.status, 422);
  EXPECT_EQ(wrong.Text("/errors/0/field"), "jobs[1].job_type");
  EXPECT_EQ(Get("/jobs").Int("/total"), 2);
}

TEST_F(JobsApi, ALargeBulkBodyIsTakenOffTheThreadThatServesEverybody) {
  std::string body = "{\"jobs\":[";
  for (int i = 0; i < 2'000; ++i) {
    body += std::string(i ? "," : "") + R"({"entity_type":"property","job_type":"discovery"})";
  }
  Answered made = Post("/jobs/bulk", body + "]}");
  EXPECT_EQ(made.Int("/created"), 2'000);
}

TEST_F(JobsApi, AnUnknownJobIsNotFoundOnEveryRoute) {
  for (const char* path : {"", "/attempts", "/logs", "/changes", "/explain"}) {
    EXPECT_EQ(Get(std::string("/jobs/JOB-1-NONE") + path).status, 404) << path;
  }
  for (const char* path : {"/start", "/execute", "/cancel", "/retry"}) {
    EXPECT_EQ(Post(std::string("/jobs/JOB-1-NONE") + path).status, 404) << path;
  }
  EXPECT_EQ(Ask("DELETE", "/jobs/JOB-1-NONE").status, 404);
}

TEST_F(JobsApi, ListPagesAndFilters) {
  for (int i = 0; i < 5; ++i) Submitted();
  Post("/jobs", R"({"entity_type":"community","job_type":"update"})");
  Answered page = Get("/jobs?page=1&page_size=2");
  EXPECT_EQ(page.Json().at("jobs").as_array().size(), 2u);
  EXPECT_EQ(page.Int("/total"), 6);
  EXPECT_EQ(page.Int("/page"), 1);
  EXPECT_EQ(page.Int("/page_size"), 2);
  std::set<std::string> seen;
  std::string target = "/jobs?page_size=2";
  for (int pages = 0; pages < 10; ++pages) {
    Answered next = Get(target);
    json::value body = next.Json();
    for (const auto& job : body.at("jobs").as_array()) {
      EXPECT_TRUE(seen.insert(std::string(job.at("job_id").as_string())).second);
    }
    if (next.Json().at("next_cursor").is_null()) break;
    target = "/jobs?page_size=2&cursor=" + next.Text("/next_cursor");
  }
  EXPECT_EQ(seen.size(), 6u);
  EXPECT_EQ(Get("/jobs?entity_type=community").Int("/total"), 1);
  EXPECT_EQ(Get("/jobs?status=failed,cancelled").Int("/total"), 0);
  EXPECT_EQ(Get("/jobs?sort=created_at").status, 200);
}

TEST_F(JobsApi, ListRefusesWhatItDoesNotKnow) {
  for (const char* query :
       {"staus=failed", "status=broken", "page=0", "page_size=101", "page=101&page_size=100",
        "sort=colour", "created_after=yesterday", "entity_type=A", "status=failed&status=pending",
        "cursor=x&page=2", "q="}) {
    Answered wrong = Get(std::string("/jobs?") + query);
    EXPECT_EQ(wrong.status, 422) << query;
    EXPECT_FALSE(wrong.Text("/errors/0/field").empty()) << query;
  }
  EXPECT_EQ(Get("/jobs?staus=failed").Text("/errors/0/field"), "staus");
  EXPECT_EQ(Get("/jobs?page=100&page_size=100").status, 200);
  EXPECT_EQ(Get("/jobs?cursor=nonsense").status, 422);
}

TEST_F(JobsApi, LogsTakeALimitAnOffsetAndAMinimum) {
  std::string id = Submitted();
  Answered logs = Get("/jobs/" + id + "/logs");
  EXPECT_EQ(logs.Text("/job_id"), id);
  EXPECT_EQ(logs.Int("/limit"), 100);
  EXPECT_EQ(Get("/jobs/" + id + "/logs?limit=500&offset=3&level=warning&attempt=1").status, 200);
  EXPECT_EQ(Get("/jobs/" + id + "/logs?limit=501").status, 422);
  EXPECT_EQ(Get("/jobs/" + id + "/logs?level=loud").status, 422);
}

TEST_F(JobsApi, AttemptsAndChangesBelongToTheirJob) {
  std::string id = Completed();
  Answered attempts = Get("/jobs/" + id + "/attempts");
  EXPECT_EQ(attempts.Int("/attempts/0/attempt"), 1);
  EXPECT_EQ(attempts.Text("/attempts/0/outcome"), "completed");
  Answered changes = Get("/jobs/" + id + "/changes");
  EXPECT_EQ(changes.Int("/total"), 0);
  EXPECT_EQ(changes.Text("/job_id"), id);
}

TEST_F(JobsApi, StartRunsThisJobAndTheLimitHoldsTheNext) {
  std::string first = Submitted(), second = Submitted();
  Answered started = Post("/jobs/" + second + "/start");
  EXPECT_EQ(started.status, 202);
  EXPECT_EQ(started.Text("/status"), "running");
  ASSERT_EQ(control_.started.size(), 1u);
  EXPECT_EQ(control_.started[0].job_id, second);
  Answered refused = Post("/jobs/" + first + "/start");
  EXPECT_EQ(refused.status, 409);
  EXPECT_THAT(refused.detail(),
              HasSubstr("1 job(s) already running. Only one job can run at a time."));
  Answered again = Post("/jobs/" + second + "/start");
  EXPECT_EQ(again.status, 409);
  EXPECT_THAT(again.detail(), HasSubstr("running, not pending"));
}

TEST_F(JobsApi, CancelOfAPendingJobIsImmediate) {
  std::string id = Submitted();
  Answered cancelled = Post("/jobs/" + id + "/cancel");
  EXPECT_EQ(cancelled.status, 200);
  EXPECT_EQ(cancelled.Text("/status"), "cancelled");
  EXPECT_EQ(Post("/jobs/" + id + "/cancel").status, 409);
}

TEST_F(JobsApi, CancelOfARunningJobIsAnOrder) {
  std::string id = Running();
  Answered ordered = Post("/jobs/" + id + "/cancel?force=true");
  EXPECT_EQ(ordered.status, 202);
  EXPECT_EQ(ordered.Text("/status"), "running");
  EXPECT_FALSE(ordered.Json().at("cancel_requested_at").is_null());
  EXPECT_EQ(Post("/jobs/" + id + "/cancel?force=maybe").status, 422);
}

TEST_F(JobsApi, RetryPutsAFailedJobBack) {
  std::string failed = Failed(), completed = Completed();
  Answered retried = Post("/jobs/" + failed + "/retry");
  EXPECT_EQ(retried.status, 200);
  EXPECT_EQ(retried.Text("/status"), "pending");
  EXPECT_EQ(Post("/jobs/" + failed + "/retry").status, 409);
  EXPECT_EQ(Post("/jobs/" + completed + "/retry").status, 409);
}

TEST_F(JobsApi, DeleteTakesAJobThatDoesNotRun) {
  std::string running = Running();
  EXPECT_EQ(Ask("DELETE", "/jobs/" + running).status, 409);
  End(running, true);
  Answered gone = Ask("DELETE", "/jobs/" + running);
  EXPECT_EQ(gone.status, 200);
  EXPECT_EQ(gone.Text("/job_id"), running);
  EXPECT_EQ(Get("/jobs/" + running).status, 404);
}

TEST_F(JobsApi, ARouteWithoutABodyTakesNone) {
  Answered wrong = Post("/jobs/reset-stuck", R"({"timeout_minutes":0})");
  EXPECT_EQ(wrong.status, 422);
  EXPECT_EQ(control_.reset_timeout, Millis(-1)) << "nothing was reset";
  EXPECT_EQ(Post("/jobs/reset-stuck", " {} ").status, 200);
}

TEST_F(JobsApi, ResetStuckSaysWhatItDid) {
  control_.reset_answer = StuckReset{{"JOB-1", "JOB-2"}};
  Answered some = Post("/jobs/reset-stuck");
  EXPECT_EQ(
      some.body,
      R"=({"success":true,"reset_count":2,"job_ids":["JOB-1","JOB-2"],"message":"Reset 2 stuck job(s)"})=");
  EXPECT_EQ(control_.reset_timeout, 30min);
  control_.reset_answer = StuckReset{};
  Answered none = Post("/jobs/reset-stuck?timeout_minutes=0.5&requeue=true");
  EXPECT_EQ(none.Text("/message"), "No jobs have been running for more than 0.5 minutes");
  EXPECT_EQ(control_.reset_timeout, 30s);
  EXPECT_TRUE(control_.reset_requeue);
  for (const char* wrong : {"-1", "10081", "nan", "", "1e3", "+5", "0x10"}) {
    EXPECT_EQ(Post(std::string("/jobs/reset-stuck?timeout_minutes=") + wrong).status, 422) << wrong;
  }
}

}  // namespace
}  // namespace forager::api
