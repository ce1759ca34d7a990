// Lists, cursors, bulk operations, retention, access.
#include <gmock/gmock.h>

#include "tests/store/store_fixture.h"

namespace forager::store {
namespace {

class Lists : public StoreTest {
 protected:
  Page<Job> List(const ListRequest& request) {
    auto page = Do([&](Store& s) { return s.List(request); });
    EXPECT_TRUE(page) << page.error().detail;
    return page.value_or(Page<Job>{});
  }
  static std::vector<std::string> Ids(const Page<Job>& page) {
    std::vector<std::string> ids;
    for (const Job& job : page.items) ids.push_back(job.job_id);
    return ids;
  }
  BulkResult Bulk(Store::Bulk what, const JobFilter& filter, bool dry_run = false) {
    BulkResult all;
    do {
      auto part =
          Do([&](Store& s) { return s.BulkApply(what, filter, all.last_id, 2, dry_run, now_); });
      EXPECT_TRUE(part) << part.error().detail;
      all.affected += part->affected;
      all.matched += part->matched;
      all.skipped_running += part->skipped_running;
      all.last_id = part->last_id;
    } while (all.last_id != 0);
    return all;
  }
};
FORAGER_ON_BOTH_DRIVERS(Lists);

TEST_P(Lists, PagesAndCursorsShowEveryJobOnceInOrder) {
  std::vector<std::string> made;
  for (int i = 0; i < 25; ++i) {
    made.push_back(Submitted(AJob(i % 2 ? "property" : "builder")));
    if (i % 3 == 0) Advance(Millis{1});
  }
  std::reverse(made.begin(), made.end());
  for (bool by_cursor : {false, true}) {
    for (JobSort sort : {JobSort::kCreatedAt, JobSort::kUpdatedAt, JobSort::kPriority}) {
      ListRequest request;
      request.sort = sort;
      request.page_size = 7;
      std::vector<std::string> seen;
      for (request.page = 1; request.page <= 4; ++request.page) {
        auto page = List(request);
        EXPECT_EQ(page.total, 25);
        for (auto& id : Ids(page)) seen.push_back(id);
        EXPECT_EQ(page.next_cursor.has_value(), request.page < 4);
        if (by_cursor) request.cursor = page.next_cursor;
        if (by_cursor && !page.next_cursor) break;
      }
      EXPECT_EQ(seen, made);
    }
  }
}

TEST_P(Lists, FiltersNarrowTheList) {
  NewJob river = AJob("property", "https://a.example/100%_river");
  river.search_query = "Homes near the river";
  std::string a = Submitted(river);
  Advance(Millis{10});
  std::string failed = In(State::kFailed);
  Submitted(AJob("builder"));
  ListRequest request = Everything();
  request.filter.q = "RIVER";
  EXPECT_THAT(Ids(List(request)), ::testing::ElementsAre(a));
  request.filter.q = "100%_r";
  EXPECT_EQ(List(request).total, 1);
  request.filter.q = "100__r";
  EXPECT_EQ(List(request).total, 0);
  request = Everything();
  request.filter.status = {State::kFailed, State::kCancelled};
  EXPECT_THAT(Ids(List(request)), ::testing::ElementsAre(failed));
  request.filter = {};
  request.filter.entity_type = "property";
  EXPECT_EQ(List(request).total, 2);
  request.filter.job_type = "update";
  EXPECT_EQ(List(request).total, 0);
  request.filter = {};
  request.filter.created_after = now_;
  EXPECT_EQ(List(request).total, 2);
  request.filter = {};
  request.filter.created_before = now_;
  EXPECT_THAT(Ids(List(request)), ::testing::ElementsAre(a));
}

TEST_P(Lists, TheTotalIsCappedAtTenThousand) {
  std::vector<NewJob> jobs(10'001, AJob());
  ASSERT_TRUE(Do([&](Store& s) { return s.SubmitMany(jobs, {}, 1'000'000, now_); }));
  auto page = List({});
  EXPECT_EQ(page.total, 10'000);
  EXPECT_TRUE(page.total_capped);
}

TEST_P(Lists, AForeignCursorIsRefused) {
  Submitted();
  for (std::string cursor : {"x", "00", "7061", "30647c31"}) {
    ListRequest request;
    request.cursor = cursor;
    EXPECT_EQ(Do([&](Store& s) { return s.List(request); }).error().code, ErrorCode::kInvalid)
        << cursor;
  }
}

TEST_P(Lists, BulkDeleteSkipsWhatRuns) {
  for (int i = 0; i < 5; ++i) Submitted();
  Running();
  In(State::kFailed);
  EXPECT_EQ(Bulk(Store::Bulk::kDelete, {}, true).affected, 6);
  EXPECT_EQ(Figures().total_jobs, 7);
  BulkResult done = Bulk(Store::Bulk::kDelete, {});
  EXPECT_EQ(done.affected, 6);
  EXPECT_EQ(done.skipped_running, 1);
  EXPECT_EQ(done.matched, 7);
  EXPECT_EQ(Figures().total_jobs, 1);
}

TEST_P(Lists, BulkRetryAndCancel) {
  In(State::kFailed);
  In(State::kCancelled);
  In(State::kCompleted);
  EXPECT_EQ(Bulk(Store::Bulk::kRetry, {}).affected, 2);
  AttemptRef running = Running();
  EXPECT_EQ(Bulk(Store::Bulk::kCancel, {}).affected, 3);
  EXPECT_EQ(Figures().cancelled_jobs, 2);
  EXPECT_TRUE(Look(running.job_id).cancel_requested_at);
  JobFilter by_id;
  by_id.job_ids = {running.job_id, "JOB-1-NONE000000", In(State::kFailed)};
  BulkResult retried = Bulk(Store::Bulk::kRetry, by_id);
  EXPECT_EQ(retried.matched, 2);
  EXPECT_EQ(retried.affected, 1);
}

TEST_P(Lists, BulkStartAsksForPendingJobsAndMakesThemDue) {
  NewJob later = AJob();
  later.run_at = now_ + std::chrono::hours(5);
  std::string waiting = Submitted(later), ready = Submitted(), done = In(State::kCompleted);
  ClaimRequest only_requested;
  only_requested.only_started_before = true;
  only_requested.limits.total = 9;
  only_requested.count = 9;
  auto claim = [&] { return Do([&](Store& s) { return s.Claim(only_requested, now_); })->jobs; };
  EXPECT_FALSE(*Do([&](Store& s) { return s.IsRequested(ready); }));
  EXPECT_EQ(Bulk(Store::Bulk::kStart, {}, true).affected, 2);
  EXPECT_TRUE(claim().empty());
  EXPECT_EQ(Bulk(Store::Bulk::kStart, {}).affected, 2);
  EXPECT_TRUE(*Do([&](Store& s) { return s.IsRequested(ready); }));
  EXPECT_FALSE(*Do([&](Store& s) { return s.IsRequested(done); }));
  EXPECT_EQ(claim().size(), 2u);
  EXPECT_EQ(Look(waiting).status, State::kRunning);
  EXPECT_EQ(Look(done).status, State::kCompleted);
}

TEST_P(Lists, OldFinishedJobsArePruned) {
  In(State::kCompleted);
  In(State::kPending);
  Advance(std::chrono::hours(48));
  std::string young = In(State::kFailed);
  EXPECT_EQ(*Do([&](Store& s) { return s.PruneJobs(now_ - std::chrono::hours(24), 100); }), 1);
  EXPECT_EQ(Figures().total_jobs, 2);
  EXPECT_EQ(Look(young).status, State::kFailed);
}

TEST_P(Lists, AccessIsKeptAndForgotten) {
  auto token = Do([&](Store& s) { return s.CreateToken("ci", "operator", "hash", now_); });
  ASSERT_TRUE(token);
  EXPECT_EQ((*Do([&](Store& s) { return s.FindToken("hash"); }))->role, "operator");
  auto ok = [](const Result<void>& result) -> Result<bool> { return result.has_value(); };
  EXPECT_TRUE(*Do([&](Store& s) { return ok(s.RevokeToken(token->id, now_)); }));
  EXPECT_EQ(*Do([&](Store& s) { return s.FindToken("hash"); }), std::nullopt) << "revoked";
  EXPECT_FALSE(*Do([&](Store& s) { return ok(s.RevokeToken(99, now_)); }));

  EXPECT_TRUE(*Do([&](Store& s) { return ok(s.CreateLoginCode("code", now_ + Millis{1'000})); }));
  EXPECT_FALSE(*Do([&](Store& s) { return s.UseLoginCode("code", now_ + Millis{1'000}); }));
  EXPECT_TRUE(*Do([&](Store& s) { return s.UseLoginCode("code", now_); }));
  EXPECT_FALSE(*Do([&](Store& s) { return s.UseLoginCode("code", now_); }));

  EXPECT_TRUE(*Do(
      [&](Store& s) { return ok(s.CreateSession("s", {"admin", "csrf", now_ + Millis{1'000}})); }));
  EXPECT_EQ((*Do([&](Store& s) { return s.FindSession("s", now_); }))->csrf, "csrf");
  EXPECT_EQ(*Do([&](Store& s) -> Result<bool> {
    return s.FindSession("s", now_ + Millis{2'000})->has_value();
  }),
            false);

  EXPECT_TRUE(
      *Do([&](Store& s) { return ok(s.KeepAnswer("t", "k", {"d", 201, "{}", "body"}, now_)); }));
  EXPECT_EQ((*Do([&](Store& s) { return s.FindAnswer("t", "k", now_); }))->status, 201);
  Advance(std::chrono::hours(25));
  EXPECT_FALSE((*Do([&](Store& s) { return s.FindAnswer("t", "k", now_); })).has_value());
  EXPECT_EQ(*Do([&](Store& s) { return s.PruneAccess(now_, 100); }), 2);
  EXPECT_TRUE(*Do([&](Store& s) { return ok(s.SetFact("a", "1")); }));
  EXPECT_EQ(*Do([&](Store& s) { return s.Fact("a"); }), "1");
}

}  // namespace
}  // namespace forager::store
