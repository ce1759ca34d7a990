// Several servers on one database: heartbeats, leases, and what lost servers leave behind.
#include <gmock/gmock.h>

#include "os/clock.h"
#include "store/postgres_bulletin.h"
#include "tests/store/store_fixture.h"

namespace forager::store {
namespace {

constexpr Millis kLease{15'000};

class Nodes : public StoreTest {
 protected:
  void Register(const std::string& id, const std::string& boot = "boot-1") {
    Node node;
    node.node_id = id;
    node.name = "machine";
    node.boot_id = boot;
    node.version = "1";
    node.capacity = 4;
    EXPECT_TRUE(Do([&](Store& s) { return Done(s.RegisterNode(node, now_)); }));
  }
  HeartbeatAnswer Beat(const std::string& id, const std::string& boot = "boot-1") {
    return *Do([&](Store& s) { return s.Heartbeat(id, boot, 4, kLease, now_); });
  }
  std::vector<Node> All() {
    return *Do([&](Store& s) { return s.Nodes(kLease, now_); });
  }
  // On SQLite by the clock given; PostgreSQL has its own, which is moved by hand.
  void LeaseLengthPasses() {
    Advance(kLease + Millis{1'000});
    if (OnSqlite()) return;
    Shell shell(options_);
    shell.Run("UPDATE collection_nodes SET heartbeat_at = heartbeat_at - interval '16 s'");
    shell.Run(
        "UPDATE collection_jobs SET lease_expires_at = lease_expires_at - interval '16 s', "
        "revision = revision + 1");
  }
  AttemptRef RunningOn(const std::string& node) {
    ClaimRequest request;
    request.node = node;
    request.job_id = Submitted();
    request.limits.total = 1'000;
    auto claimed = Claim(request);
    return {claimed.jobs.at(0).job_id, claimed.jobs.at(0).attempt};
  }
  std::vector<RunningJob> LostAttempts() {
    return *Do([&](Store& s) { return s.LostAttempts(10, now_); });
  }
  std::vector<AttemptRef> LostSlots() {
    return *Do([&](Store& s) { return s.LostSlots(kLease, 10, now_); });
  }
  static Result<int> Done(const Result<void>& done) {
    if (!done) return std::unexpected(done.error());
    return 0;
  }
};
FORAGER_ON_BOTH_DRIVERS(Nodes);

TEST_P(Nodes, AreHeardOfUntilTheyAreLost) {
  Register("a");
  Register("b");
  EXPECT_EQ(Beat("a").nodes, 2);
  LeaseLengthPasses();
  EXPECT_EQ(Beat("a").nodes, 1);
  auto nodes = All();
  ASSERT_EQ(nodes.size(), 2u);
  EXPECT_FALSE(nodes[0].lost);
  EXPECT_TRUE(nodes[1].lost);
}

TEST_P(Nodes, AnOlderBootIsToldThatItWasReplaced) {
  Register("a", "boot-1");
  Register("a", "boot-2");
  EXPECT_FALSE(Beat("a", "boot-1").ours);
  EXPECT_TRUE(Beat("a", "boot-2").ours);
  EXPECT_TRUE(Do([&](Store& s) { return Done(s.LeaveNode("a", "boot-1")); }));
  EXPECT_EQ(All().size(), 1u) << "only the last boot may leave";
}

TEST_P(Nodes, DrainHoldsUntilResumedOrRestarted) {
  Register("a");
  EXPECT_FALSE(Beat("a").draining);
  ASSERT_TRUE(Do([&](Store& s) { return Done(s.DrainNode("a", true)); }));
  EXPECT_TRUE(Beat("a").draining);
  EXPECT_TRUE(All()[0].draining);
  Register("a", "boot-2");
  EXPECT_FALSE(Beat("a", "boot-2").draining);
  EXPECT_EQ(Do([&](Store& s) { return Done(s.DrainNode("z", true)); }).error().code,
            ErrorCode::kNotFound);
}

TEST_P(Nodes, AHeartbeatRenewsTheLeasesOfItsOwnAttempts) {
  Register("a");
  Register("b");
  AttemptRef mine = RunningOn("a");
  AttemptRef other = RunningOn("b");
  LeaseLengthPasses();
  EXPECT_EQ(Beat("a").renewed, 1);
  auto lost = LostAttempts();
  ASSERT_EQ(lost.size(), 1u);
  EXPECT_EQ(lost[0].ref.job_id, other.job_id);
  EXPECT_TRUE(lost[0].has_open_attempt);
  auto running = *Do([&](Store& s) { return s.Running(std::nullopt, 10, now_); });
  for (const RunningJob& row : running.jobs)
    EXPECT_EQ(row.leased, row.ref.job_id == mine.job_id);
}

TEST_P(Nodes, ARowSetToRunningByHandIsNobodysLoss) {
  std::string job_id = Submitted();
  Shell shell(options_);
  shell.Run("UPDATE collection_jobs SET status = 'running' WHERE job_id = '" + job_id + "'");
  LeaseLengthPasses();
  EXPECT_TRUE(LostAttempts().empty());
}

TEST_P(Nodes, SlotsOfALostNodeAreFoundOnceTheirJobsHaveLeftThem) {
  Register("a");
  AttemptRef ref = RunningOn("a");
  ASSERT_TRUE(*Do([&](Store& s) { return s.Reset(ref, "stuck", false, now_); }));
  EXPECT_TRUE(LostSlots().empty()) << "its keeper may still be killing it";
  LeaseLengthPasses();
  EXPECT_THAT(LostSlots(), ::testing::ElementsAre(ref));
  EXPECT_TRUE(*Do([&](Store& s) { return s.Release(ref, std::nullopt, now_); }));
  EXPECT_TRUE(LostSlots().empty());
}

TEST_P(Nodes, UnreleasedAttemptsCanBeAskedForByNode) {
  AttemptRef mine = RunningOn("a");
  RunningOn("b");
  auto held = *Do([&](Store& s) { return s.Unreleased("a", 10); });
  ASSERT_EQ(held.size(), 1u);
  EXPECT_EQ(held[0].ref, mine);
}

TEST_P(Nodes, RunningRowsComePageByPageAndAllOfThem) {
  std::set<std::string> submitted;
  for (int i = 0; i < 25; ++i) submitted.insert(RunningOn("a").job_id);  // one created_at for all
  std::set<std::string> seen;
  std::optional<RunningCursor> after;
  int pages = 0;
  do {
    auto page = *Do([&](Store& s) { return s.Running(after, 10, now_); });
    for (const RunningJob& row : page.jobs) EXPECT_TRUE(seen.insert(row.ref.job_id).second);
    after = page.next;
    ++pages;
  } while (after);
  EXPECT_EQ(seen, submitted);
  EXPECT_EQ(pages, 3);
}

TEST_P(Nodes, OrdersNameOnlyTheAttemptsTheyAreFor) {
  std::vector<AttemptRef> live;
  for (int i = 0; i < 12; ++i) live.push_back(RunningOn("a"));
  ASSERT_TRUE(Do([&](Store& s) { return s.RequestCancel(live[3].job_id, true, now_); }));
  ASSERT_TRUE(*Do([&](Store& s) { return s.Reset(live[7], "it's \"stuck\"", false, now_); }));
  live.push_back({live[0].job_id, 99});
  live.push_back({"JOB-unknown", 1});
  auto orders = *Do([&](Store& s) { return s.Orders(live); });
  ASSERT_EQ(orders.size(), 4u);
  EXPECT_EQ(orders[0].ref, live[3]);
  EXPECT_TRUE(orders[0].cancel && orders[0].cancel_forced && !orders[0].fenced);
  for (int i : {1, 2, 3}) EXPECT_TRUE(orders[static_cast<std::size_t>(i)].fenced) << i;
  EXPECT_EQ(Look(live[7].job_id).error_message, "it's \"stuck\"");
}

TEST_P(Nodes, ManyAreResetAndReleasedTogether) {
  AttemptRef one = RunningOn("a"), other = RunningOn("b"), gone = RunningOn("a");
  ASSERT_TRUE(Complete(gone));
  std::vector<ResetOrder> orders{{one, "first"}, {other, "second"}, {gone, "third"}};
  auto reset = *Do([&](Store& s) { return s.ResetAll(orders, false, now_); });
  EXPECT_THAT(reset, ::testing::UnorderedElementsAre(one, other));
  EXPECT_EQ(Look(one.job_id).error_message, "first");
  EXPECT_EQ(Look(other.job_id).error_message, "second");
  EXPECT_EQ(Look(gone.job_id).status, State::kCompleted);
  std::vector<AttemptRef> refs{one, other, gone};
  EXPECT_THAT(*Do([&](Store& s) { return s.UnreleasedOf(refs); }),
              ::testing::UnorderedElementsAre(one, other));
  EXPECT_EQ(*Do([&](Store& s) { return s.ReleaseAll(refs, now_); }), 2);
  EXPECT_THAT(*Do([&](Store& s) { return s.UnreleasedOf(refs); }), ::testing::IsEmpty());
}

// Servers of one PostgreSQL database, each with a service of its own.
class Servers : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    for (int i = 0; i < 8; ++i) {
      StoreOptions options = options_;
      options.node = "server-" + std::to_string(i);
      services_.push_back(StoreService::Open(options).value());
    }
  }
  std::vector<std::unique_ptr<StoreService>> services_;
};
INSTANTIATE_TEST_SUITE_P(Postgres, Servers, ::testing::Values(Driver::kPostgres));

TEST_P(Servers, EightClaimersAtOnceKeepEveryLimitExactly) {
  std::vector<NewJob> jobs;
  for (int i = 0; i < 200; ++i)
    jobs.push_back(AJob(i % 2 == 0 ? "property" : "builder",
                        "https://host" + std::to_string(i % 5) + ".example/"));
  ASSERT_TRUE(Do([&](Store& s) { return s.SubmitMany(jobs, {}, 1'000'000, now_); }));
  std::atomic<int> started = 0;
  std::vector<std::thread> claimers;
  for (auto& service : services_) {
    claimers.emplace_back([&, this] {
      for (int round = 0; round < 30; ++round) {
        ClaimRequest request;
        request.node = "server";
        request.limits = {10, 3, {{"builder", 4}}};
        request.count = 3;
        int got = 0;
        EXPECT_TRUE(service->WriteAndWait([&](Store& store) -> Result<void> {
          auto claimed = store.Claim(request, now_);
          if (!claimed) return std::unexpected(claimed.error());
          got = static_cast<int>(claimed->jobs.size());
          return {};
        }));
        started += got;
      }
    });
  }
  for (std::thread& claimer : claimers) claimer.join();
  EXPECT_EQ(started, 10);
  Shell shell(options_);
  EXPECT_EQ(shell.Ask("SELECT count(*) FROM collection_jobs WHERE slot_held = 1"), "10");
  EXPECT_EQ(shell.Ask("SELECT count(*) FROM collection_jobs WHERE slot_held = 1 AND entity_type = "
                      "'builder'"),
            "4");
  EXPECT_EQ(shell.Ask("SELECT max(n) FROM (SELECT count(*) AS n FROM collection_jobs WHERE "
                      "slot_held = 1 GROUP BY host) AS h"),
            "3");
  services_.clear();
}

TEST_P(Servers, ManyAtOnceLoseNothingAndDoNothingTwice) {
  constexpr int kJobs = 400;
  std::vector<NewJob> jobs(kJobs, AJob());
  ASSERT_TRUE(Do([&](Store& s) { return s.SubmitMany(jobs, {}, 1'000'000, now_); }));
  std::atomic<int> completed = 0;
  std::vector<std::thread> workers;
  for (auto& service : services_) {
    workers.emplace_back([&, this] {
      for (int idle = 0; completed < kJobs && idle < 2'000;) {
        ClaimRequest request;
        request.node = "server";
        request.limits.total = 20;
        request.count = 4;
        std::vector<Job> claimed;
        EXPECT_TRUE(service->WriteAndWait([&](Store& store) -> Result<void> {
          auto result = store.Claim(request, now_);
          if (!result) return std::unexpected(result.error());
          claimed = result->jobs;
          return {};
        }));
        if (claimed.empty()) ++idle;
        for (const Job& job : claimed) {
          EXPECT_TRUE(service->WriteAndWait([&](Store& store) -> Result<void> {
            auto done = store.Complete(Final({job.job_id, job.attempt}), now_);
            if (!done) return std::unexpected(done.error());
            EXPECT_TRUE(*done);
            return {};
          }));
          ++completed;
        }
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(completed, kJobs);
  Shell shell(options_);
  EXPECT_EQ(shell.Ask("SELECT count(*) FROM collection_attempts"), std::to_string(kJobs));
  services_.clear();
}

TEST_P(Servers, OneOfTwoSubmissionsWithOneUniqueKeyIsToldOfTheOther) {
  NewJob job = AJob();
  job.unique_key = "only one";
  std::atomic<int> made = 0, told = 0;
  std::vector<std::thread> clients;
  for (auto& service : services_) {
    clients.emplace_back([&, this] {
      auto done = service->WriteAndWait([&](Store& store) -> Result<void> {
        auto submitted = store.Submit(job, 5, 1'000, now_);
        if (!submitted) return std::unexpected(submitted.error());
        return {};
      });
      if (done) ++made;
      if (!done && done.error().code == ErrorCode::kConflict) ++told;
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(made, 1);
  EXPECT_EQ(told, 7);
  services_.clear();
}

TEST_P(Servers, AnEndAndACancelAtOnceLeaveNoJobBehind) {
  for (int round = 0; round < 60; ++round) {
    AttemptRef ref = Running();
    bool ended = false;
    std::thread worker([&, this] {
      EXPECT_TRUE(services_[0]->WriteAndWait([&](Store& store) -> Result<void> {
        auto job = store.FindToEnd(ref);
        if (!job) return std::unexpected(job.error());
        auto done = job->cancel_requested_at ? store.Cancel(Final(ref, "cancelled"), now_)
                                             : store.Complete(Final(ref), now_);
        if (!done) return std::unexpected(done.error());
        ended = *done;
        return {};
      }));
    });
    auto cancel = services_[1]->WriteAndWait([&](Store& store) -> Result<void> {
      auto job = store.RequestCancel(ref.job_id, false, now_);
      if (!job) return std::unexpected(job.error());
      return {};
    });
    worker.join();
    EXPECT_TRUE(ended) << round;
    State status = Look(ref.job_id).status;
    EXPECT_EQ(status, cancel ? State::kCancelled : State::kCompleted) << round;
  }
  services_.clear();
}

TEST_P(Servers, OneIdempotencyKeyMakesOneJobOnManyServers) {
  std::atomic<int> made = 0;
  std::vector<std::thread> clients;
  for (auto& service : services_) {
    clients.emplace_back([&, this] {
      bool mine = false;
      EXPECT_TRUE(service->WriteAndWait([&](Store& store) -> Result<void> {
        mine = false;
        auto kept = store.FindAnswer("token", "key", now_);
        if (!kept) return std::unexpected(kept.error());
        if (*kept) return {};
        auto job = store.Submit(AJob(), 5, 1'000, now_);
        if (!job) return std::unexpected(job.error());
        mine = true;
        return store.KeepAnswer("token", "key", {"digest", 201, "{}", "{}"}, now_);
      }));
      made += mine ? 1 : 0;
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(made, 1);
  EXPECT_EQ(Figures().pending_jobs, 1);
  services_.clear();
}

TEST_P(Servers, HearOfEachOthersCommits) {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> heard;
  services_[1]->OnCommit([&](const Committed& committed) {
    std::lock_guard lock(mutex);
    heard.insert(heard.end(), committed.job_ids.begin(), committed.job_ids.end());
    changed.notify_all();
  });
  services_[0]->OnCommit([](const Committed&) {});
  auto hears = [&](const std::string& id) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::milliseconds(200),
                            [&] { return std::ranges::find(heard, id) != heard.end(); });
  };
  bool told = false;
  for (int i = 0; i < 50 && !told; ++i) {  // the first words may come before it listens
    std::string id;
    ASSERT_TRUE(services_[0]->WriteAndWait([&](Store& store) -> Result<void> {
      auto job = store.Submit(AJob(), 5, 1'000, now_);
      if (!job) return std::unexpected(job.error());
      id = job->job_id;
      return {};
    }));
    told = hears(id);
  }
  EXPECT_TRUE(told);
  services_.clear();
}

TEST_P(Servers, ALockHeldByAPersonMakesOthersAnswerAndLeasesGoOn) {
  AttemptRef held = Running();
  AttemptRef other = Running();
  Shell shell(options_);
  shell.Run("BEGIN; UPDATE collection_jobs SET priority = 1 WHERE job_id = '" + held.job_id + "'");
  auto answer = Do([&](Store& s) { return s.RequestCancel(held.job_id, false, now_); });
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(*Do([&](Store& s) -> Result<int> {
    Node node{"node-1", "m", "b", "1", {}, {}, false, false, 0, 0};
    if (auto made = s.RegisterNode(node, now_); !made) return std::unexpected(made.error());
    auto beat = s.Heartbeat("node-1", "b", 0, kLease, now_);
    if (!beat) return std::unexpected(beat.error());
    return beat->renewed;
  }),
            1);
  shell.Run("ROLLBACK");
  EXPECT_TRUE(Complete(other));
  services_.clear();
}

TEST_P(Servers, AJobThatAPersonHoldsIsPassedOverAndClaimedLater) {
  std::vector<std::string> ids;
  for (int i = 0; i < 6; ++i)
    ids.push_back(Submitted(AJob("property", i < 3 ? "" : "https://a.example/")));
  Shell shell(options_);
  shell.Run("BEGIN; UPDATE collection_jobs SET search_query = 'x' WHERE job_id = '" + ids[0] + "'");
  ClaimRequest request;
  request.limits.total = 4;
  request.count = 4;
  auto others = Claim(request);
  // What was picked behind it is started, and no slot is left for it.
  EXPECT_EQ(others.jobs.size(), 4u);
  for (const Job& job : others.jobs) EXPECT_NE(job.job_id, ids[0]);
  shell.Run("ROLLBACK");
  request.limits.total = 100;
  auto rest = Claim(request);
  EXPECT_EQ(rest.jobs.size(), 2u);
  EXPECT_EQ(rest.total_pending, 0);
  EXPECT_TRUE(std::ranges::any_of(rest.jobs, [&](const Job& job) { return job.job_id == ids[0]; }));
  ExpectExact();
}

TEST(Bulletin, NewsAreReadAsTheyWereWritten) {
  Committed committed;
  committed.job_ids = {"JOB-1-A", "JOB-1-B"};
  committed.orders_added = true;
  committed.schedules = {{12, "nightly", false}, {13, "a.b-c_d", true}};
  auto news = ReadNews(WriteNews("node|less", committed));
  ASSERT_TRUE(news);
  EXPECT_EQ(news->node, "node|less");
  EXPECT_EQ(news->committed.job_ids, committed.job_ids);
  EXPECT_TRUE(news->committed.orders_added);
  ASSERT_EQ(news->committed.schedules.size(), 2u);
  EXPECT_EQ(news->committed.schedules[0].id, 12);
  EXPECT_EQ(news->committed.schedules[1].name, "a.b-c_d");
  EXPECT_FALSE(news->committed.schedules[0].deleted);
  EXPECT_TRUE(news->committed.schedules[1].deleted);
  EXPECT_TRUE(ReadNews("n||~x:y:0,~1,~:,")->committed.schedules.empty());
  EXPECT_FALSE(news->committed.pending_added || news->committed.many);
  for (const char* wrong : {"", "x", "x|y", "x|p|JOB-1"}) EXPECT_FALSE(ReadNews(wrong)) << wrong;
}

}  // namespace
}  // namespace forager::store
