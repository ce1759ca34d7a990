// execute-pending and execute: the seed's words, and exactly one start.
#include <thread>

#include "tests/api/api_fixture.h"

namespace forager::api {
namespace {

using testing::HasSubstr;

class ExecuteApi : public ApiTest {
 protected:
  Answered ExecutePending(const std::string& query = "") {
    return Post("/jobs/execute-pending" + query);
  }
};

TEST_F(ExecuteApi, NothingPending) {
  EXPECT_EQ(
      ExecutePending().body,
      R"({"total_pending":0,"started":0,"job_ids":[],"message":"No pending jobs to execute"})");
}

TEST_F(ExecuteApi, StartsTheNextInTheWordsOfTheContract) {
  std::string low = Submitted(R"(,"priority":1)"), high = Submitted(R"(,"priority":9)");
  Answered started = ExecutePending();
  EXPECT_EQ(started.status, 200);
  EXPECT_EQ(
      started.body,
      R"({"total_pending":1,"started":1,"job_ids":[")" + high + R"("],"message":"Started job )" +
          high +
          R"( in background (sequential mode: 1 job at a time). 1 job(s) remaining in queue."})");
  EXPECT_EQ(control_.started.at(0).job_id, high);
  EXPECT_EQ(control_.started.at(0).attempt, 1);
  EXPECT_EQ(
      ExecutePending().body,
      R"({"total_pending":1,"started":0,"job_ids":[],"message":"Cannot start new job: 1 job(s) already running. Only one job can run at a time."})");
  EXPECT_EQ(StatusOf(low), "pending");
}

TEST_F(ExecuteApi, SeveralAtATime) {
  control_.claim_limits.total = 3;
  for (int i = 0; i < 5; ++i) Submitted();
  Answered three = ExecutePending("?limit=5");
  EXPECT_EQ(three.Int("/started"), 3);
  EXPECT_EQ(
      three.Text("/message"),
      "Started 3 job(s) in background (up to 3 jobs at a time). 2 job(s) remaining in queue.");
  EXPECT_EQ(ExecutePending().Text("/message"),
            "Cannot start new job: 3 job(s) already running. Only 3 jobs can run at a time.");
  End(control_.started.at(0).job_id, true);
  EXPECT_THAT(ExecutePending().Text("/message"),
              HasSubstr("in background (up to 3 jobs at a time). 1 job(s) remaining in queue."));
}

TEST_F(ExecuteApi, SaysWhenNothingIsDueOrAllIsPaused) {
  Submitted(R"(,"run_at":"2099-01-01T00:00:00Z")");
  Answered later = ExecutePending();
  EXPECT_EQ(later.Int("/total_pending"), 1);
  EXPECT_EQ(later.Int("/started"), 0);
  EXPECT_THAT(later.Text("/message"), HasSubstr("due"));
  Submitted();
  EXPECT_EQ(Post("/dispatch/pause").status, 200);
  Answered paused = ExecutePending();
  EXPECT_EQ(paused.Int("/started"), 0);
  EXPECT_THAT(paused.Text("/message"), HasSubstr("paused"));
  EXPECT_EQ(Post("/dispatch/resume").status, 200);
  EXPECT_EQ(ExecutePending().Int("/started"), 1);
}

TEST_F(ExecuteApi, NamesTheTypeWhoseLimitIsReached) {
  control_.claim_limits.total = 5;
  control_.claim_limits.per_type = {{"property", 1}};
  Submitted();
  Submitted();
  EXPECT_EQ(ExecutePending().Int("/started"), 1);
  EXPECT_EQ(
      ExecutePending().Text("/message"),
      "Cannot start new job: the limit of entity type property is reached. 1 job(s) remaining "
      "in queue.");
}

TEST_F(ExecuteApi, RefusesAWrongLimitAndAServerThatStops) {
  EXPECT_EQ(ExecutePending("?limit=0").status, 422);
  EXPECT_EQ(ExecutePending("?limit=two").status, 422);
  control_.stopping = true;
  EXPECT_EQ(ExecutePending().status, 503);
}

TEST_F(ExecuteApi, TwoHundredParallelRequestsStartExactlyOne) {
  for (int i = 0; i < 5; ++i) Submitted();
  std::vector<std::thread> clients;
  std::atomic<int> started = 0, refused = 0;
  for (int client = 0; client < 20; ++client) {
    clients.emplace_back([&] {
      std::vector<std::future<Answered>> answers;
      for (int i = 0; i < 10; ++i) answers.push_back(Send("POST", "/jobs/execute-pending"));
      for (auto& future : answers) {
        Answered answer = Wait(std::move(future));
        if (answer.Int("/started") == 1) ++started;
        if (answer.Text("/message") ==
            "Cannot start new job: 1 job(s) already running. Only one job can run at a time.") {
          ++refused;
        }
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(started, 1);
  EXPECT_EQ(refused, 199);
  EXPECT_EQ(control_.started.size(), 1u);
  EXPECT_EQ(Get("/jobs?status=running").Int("/total"), 1);
}

TEST_F(ExecuteApi, ExecuteAnswersWhenTheJobHasEnded) {
  std::string id = Submitted();
  auto waiting = Send("POST", "/jobs/" + id + "/execute");
  Until([&] { return waiters_.size() == 1; });
  End(id, true);
  Answered ended = Wait(std::move(waiting));
  EXPECT_EQ(ended.status, 200);
  EXPECT_EQ(ended.Text("/status"), "completed");
  EXPECT_EQ(waiters_.size(), 0u);
}

TEST_F(ExecuteApi, ExecuteOfARunningJobWaitsForItWithoutStartingItAgain) {
  std::string id = Submitted();
  ExecutePending();
  std::size_t started = control_.started.size();
  auto waiting = Send("POST", "/jobs/" + id + "/execute");
  Until([&] { return waiters_.size() == 1; });
  End(id, true);
  EXPECT_EQ(Wait(std::move(waiting)).status, 200);
  EXPECT_EQ(control_.started.size(), started);
}

TEST_F(ExecuteApi, ExecuteAnswersWhenTheWaitIsOver) {
  std::string id = Submitted();
  auto waiting = Send("POST", "/jobs/" + id + "/execute?wait=2.5");
  Until([&] { return waiters_.size() == 1; });
  clock_.Advance(2s);
  waiters_.Tick();
  EXPECT_EQ(waiters_.size(), 1u);
  clock_.Advance(500ms);
  waiters_.Tick();
  Answered still = Wait(std::move(waiting));
  EXPECT_EQ(still.status, 202);
  EXPECT_EQ(still.Text("/status"), "running");
  EXPECT_EQ(Post("/jobs/" + id + "/execute?wait=601").status, 422);
}

TEST_F(ExecuteApi, ExecuteWithoutWaitAnswersAtOnce) {
  std::string id = Submitted();
  EXPECT_EQ(Post("/jobs/" + id + "/execute?wait=0").status, 202);
}

TEST_F(ExecuteApi, WaitsEndWhenTheServerCloses) {
  std::string id = Submitted();
  auto waiting = Send("POST", "/jobs/" + id + "/execute");
  Until([&] { return waiters_.size() == 1; });
  waiters_.Close();
  EXPECT_EQ(Wait(std::move(waiting)).status, 202);
}

// Claims of the API ask what dispatch asks: drain and capacity of this server, in the same
// transaction.
class NodeLimits : public ExecuteApi {
 protected:
  NodeLimits() {
    control_.claim_limits.total = 10;
    EXPECT_TRUE(store_->WriteAndWait([&](store::Store& store) {
      store::Node node;
      node.node_id = node.name = "node-1";
      node.boot_id = "boot";
      return store.RegisterNode(node, clock_.Now());
    }));
  }
  // Each of the three ways to start a job; and why it does not start.
  void ExpectRefused(const std::string& id, int status, const std::string& words,
                     const std::string& code) {
    for (const std::string& route : {std::string("/jobs/execute-pending"), "/jobs/" + id + "/start",
                                     "/jobs/" + id + "/execute?wait=0"}) {
      Answered refused = Post(route);
      EXPECT_EQ(refused.status, status) << route << refused.body;
      EXPECT_THAT(refused.detail(), HasSubstr(words)) << route;
    }
    EXPECT_EQ(StatusOf(id), "pending");
    EXPECT_THAT(Get("/jobs/" + id + "/explain").body, HasSubstr("\"code\":\"" + code + "\""));
  }
};

TEST_F(NodeLimits, ADrainedServerStartsNothing) {
  std::string id = Submitted();
  EXPECT_EQ(Post("/nodes/node-1/drain").status, 200);
  ExpectRefused(id, 409, "is being drained", "draining");
  EXPECT_EQ(Post("/nodes/node-1/resume").status, 200);
  EXPECT_EQ(Post("/jobs/" + id + "/start").status, 202);
}

TEST_F(NodeLimits, AServerStartsNoMoreThanItsCapacity) {
  control_.node_capacity = 2;
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(Submitted());
  Answered started = Post("/jobs/execute-pending?limit=5");
  EXPECT_EQ(started.status, 200);
  EXPECT_EQ(started.Int("/started"), 2);
  ExpectRefused(ids[4], 409, "runs 2 attempt(s), as many as its capacity allows", "node_full");
  End(ids[0], true);
  EXPECT_EQ(Post("/jobs/" + ids[4] + "/start").status, 202);
}

TEST_F(NodeLimits, ManyAtOnceStartNoMoreThanTheCapacity) {
  control_.node_capacity = 3;
  for (int i = 0; i < 50; ++i) Submitted();
  std::vector<std::future<Answered>> asked;
  for (int i = 0; i < 50; ++i) asked.push_back(Send("POST", "/jobs/execute-pending"));
  int started = 0;
  for (auto& answer : asked) started += Wait(std::move(answer)).status == 200 ? 1 : 0;
  EXPECT_EQ(started, 3);
  EXPECT_EQ(control_.started.size(), 3u);
}

TEST_F(NodeLimits, AServerThatCannotStartProcessesClaimsNone) {
  std::string id = Submitted();
  control_.no_start = NoStart{"not_ready", "Its keeper is being started."};
  ExpectRefused(id, 503, "Its keeper is being started", "not_ready");
}

TEST_F(ExecuteApi, AWaitEndsWithItsToken) {
  options_.auth = true;
  Open();
  std::int64_t token_id = 0;
  ASSERT_TRUE(store_->WriteAndWait([&](store::Store& store) -> Result<void> {
    auto token = store.CreateToken("t", "operator", HashSecret("fgr_t"), clock_.Now());
    if (!token) return std::unexpected(token.error());
    token_id = token->id;
    return {};
  }));
  http::Headers mine{{"Authorization", "Bearer fgr_t"}};
  std::string id =
      Ask("POST", "/jobs", R"({"entity_type":"property","job_type":"discovery"})", mine)
          .Text("/job_id");
  auto waiting = Send("POST", "/jobs/" + id + "/execute?wait=60", "", mine);
  Until([&] { return waiters_.size() == 1; });
  ASSERT_TRUE(store_->WriteAndWait(
      [&](store::Store& store) { return store.RevokeToken(token_id, clock_.Now()); }));
  api_.tick();  // on another server: nobody tells of it here
  EXPECT_EQ(Wait(std::move(waiting)).status, 401);
  EXPECT_EQ(waiters_.size(), 0u);
}

}  // namespace
}  // namespace forager::api
