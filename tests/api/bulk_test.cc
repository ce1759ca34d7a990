// DELETE /jobs and the bulk operations.
#include "tests/api/api_fixture.h"

namespace forager::api {
namespace {

using testing::StartsWith;

class BulkApi : public ApiTest {};

TEST_F(BulkApi, DeleteNeedsAFilterOrAClearWord) {
  Submitted();
  EXPECT_EQ(Ask("DELETE", "/jobs").status, 400);
  EXPECT_EQ(Ask("DELETE", "/jobs?delete_all=false").status, 400);
  EXPECT_EQ(Ask("DELETE", "/jobs?staus=failed").status, 422);
  EXPECT_EQ(Get("/jobs").Int("/total"), 1);
  Answered all = Ask("DELETE", "/jobs?delete_all=true");
  EXPECT_EQ(all.status, 200);
  EXPECT_EQ(all.Text("/message"), "Successfully deleted 1 job(s)");
  EXPECT_EQ(Get("/jobs").Int("/total"), 0);
}

TEST_F(BulkApi, DeleteOfRunningJobsAloneIsAConflict) {
  Answered refused = Ask("DELETE", "/jobs?status=running");
  EXPECT_EQ(refused.status, 409);
  EXPECT_THAT(refused.detail(), StartsWith("Cannot delete running jobs"));
}

TEST_F(BulkApi, DeleteLeavesRunningJobsAndSaysSo) {
  std::string failed = Failed();
  std::string pending = Submitted();
  std::string running = Running();
  Answered gone = Ask("DELETE", "/jobs?entity_type=property&status=failed,running");
  EXPECT_EQ(gone.status, 200);
  EXPECT_EQ(gone.Int("/deleted_count"), 1);
  EXPECT_EQ(gone.Int("/skipped_running"), 1);
  EXPECT_EQ(gone.Text("/job_ids/0"), failed);
  EXPECT_EQ(gone.Text("/filters/entity_type"), "property");
  EXPECT_EQ(gone.Text("/filters/status"), "failed,running");
  EXPECT_FALSE(gone.Json().at("filters").as_object().contains("job_type"));
  EXPECT_EQ(StatusOf(pending), "pending");
  EXPECT_EQ(StatusOf(running), "running");
}

TEST_F(BulkApi, DeleteGoesOnBeyondOneBatch) {
  std::string body = "{\"jobs\":[";
  for (int i = 0; i < 2'500; ++i) {
    body += std::string(i ? "," : "") + R"({"entity_type":"property","job_type":"discovery"})";
  }
  ASSERT_EQ(Post("/jobs/bulk", body + "]}").status, 201);
  Answered gone = Ask("DELETE", "/jobs?status=pending");
  EXPECT_EQ(gone.Int("/deleted_count"), 2'500);
  EXPECT_EQ(gone.Json().at("job_ids").as_array().size(), 100u);
  EXPECT_EQ(Get("/stats").Int("/total_jobs"), 0);
}

TEST_F(BulkApi, DryRunCountsAndChangesNothing) {
  std::string id = Failed();
  Answered dry = Post("/jobs/bulk-retry", R"({"filter":{"status":"failed"},"dry_run":true})");
  EXPECT_EQ(dry.status, 200);
  EXPECT_EQ(dry.Text("/message"), "Would retry 1 job(s)");
  EXPECT_EQ(dry.Int("/affected_count"), 1);
  EXPECT_EQ(StatusOf(id), "failed");
  Answered wet = Post("/jobs/bulk-retry", R"({"filter":{"status":["failed"]}})");
  EXPECT_EQ(wet.Text("/message"), "Retried 1 job(s)");
  EXPECT_EQ(wet.Text("/job_ids/0"), id);
  EXPECT_EQ(StatusOf(id), "pending");
}

TEST_F(BulkApi, ByIdsTakesOnlyThose) {
  std::string a = Submitted(), b = Submitted(), c = Submitted();
  Answered done = Post("/jobs/bulk-cancel",
                       R"({"job_ids":[")" + a + "\",\"" + b + "\",\"" + a + R"(","JOB-1-NONE"]})");
  EXPECT_EQ(done.Int("/affected_count"), 2);
  EXPECT_EQ(StatusOf(a), "cancelled");
  EXPECT_EQ(StatusOf(b), "cancelled");
  EXPECT_EQ(StatusOf(c), "pending");
  Answered gone = Post("/jobs/bulk-delete", R"({"job_ids":[")" + a + "\"]}");
  EXPECT_EQ(gone.Int("/affected_count"), 1);
  EXPECT_EQ(Get("/jobs/" + a).status, 404);
}

TEST_F(BulkApi, RefusesWhatItDoesNotUnderstand) {
  Submitted();
  for (const char* body :
       {"{}", "", R"({"filter":{}})", R"({"filter":{"staus":"failed"}})", R"({"job_ids":[]})",
        R"({"job_ids":[1]})", R"({"filter":{"status":"pending"},"job_ids":["JOB-1"]})", "[]",
        R"({"filter":{"status":"pending"},"dry":true})", R"({"filter":{"status":[]}})",
        R"({"filter":{"status":"pending"},"dry_run":1})", R"({"filter":"pending"})",
        R"({"filter":{"entity_type":"A"}})", R"({"filter":{"created_before":"soon"}})"}) {
    for (const char* route : {"/jobs/bulk-delete", "/jobs/bulk-retry", "/jobs/bulk-cancel"}) {
      EXPECT_EQ(Post(route, body).status, 422) << route << body;
    }
  }
  EXPECT_EQ(Post("/jobs/bulk-delete", "{").status, 400);
  EXPECT_EQ(Post("/jobs/bulk-delete", R"({"filter":{"status":"running"}})").status, 409);
  EXPECT_EQ(Get("/jobs").Int("/total"), 1);
}

}  // namespace
}  // namespace forager::api
