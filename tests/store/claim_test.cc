// Which job starts next, and what stands in its way.
#include <gmock/gmock.h>

#include <random>

#include "tests/store/store_fixture.h"

namespace forager::store {
namespace {

class Claims : public StoreTest {
 protected:
  static ClaimRequest Up(int total, int count = 1) {
    ClaimRequest request;
    request.limits.total = total;
    request.count = count;
    return request;
  }
  static NewJob WithPriority(int priority) {
    NewJob job = AJob();
    job.priority = priority;
    return job;
  }
};
FORAGER_ON_BOTH_DRIVERS(Claims);

TEST_P(Claims, HigherPriorityFirstThenOlder) {
  std::string low = Submitted(WithPriority(1));
  Advance(Millis{1});
  std::string first = Submitted(WithPriority(5));
  Advance(Millis{1});
  std::string second = Submitted(WithPriority(5));
  std::string high = Submitted(WithPriority(9));
  std::vector<std::string> order;
  for (const Job& job : Claim(Up(10, 10)).jobs) order.push_back(job.job_id);
  EXPECT_THAT(order, ::testing::ElementsAre(high, first, second, low));
}

TEST_P(Claims, JobsOfOneMillisecondGoInTheirOrderWhateverTheirLane) {
  std::vector<std::string> made;
  for (int i = 0; i < 12; ++i) {
    made.push_back(Submitted(
        AJob(i % 3 ? "builder" : "property", i % 2 ? "https://b.example/" : "https://a.example/")));
  }
  std::vector<std::string> order;
  for (const Job& job : Claim(Up(20, 20)).jobs) order.push_back(job.job_id);
  EXPECT_EQ(order, made);
}

TEST_P(Claims, NobodyWaitsMoreThanTenHoursBehindLaterJobs) {
  std::string old = Submitted(WithPriority(0));
  Advance(std::chrono::hours(9));
  std::string important = Submitted(WithPriority(10));
  Advance(std::chrono::hours(2));
  Submitted(WithPriority(10));
  auto claimed = Claim(Up(10, 2));
  EXPECT_EQ(claimed.jobs.at(0).job_id, important);
  EXPECT_EQ(claimed.jobs.at(1).job_id, old);
}

TEST_P(Claims, TheTotalLimitCountsEverySlot) {
  for (int i = 0; i < 4; ++i) Submitted();
  auto result = Claim(Up(3, 10));
  EXPECT_EQ(result.jobs.size(), 3u);
  EXPECT_EQ(result.total_pending, 1);
  EXPECT_EQ(result.slots_used, 0);
  EXPECT_EQ(result.block, ClaimBlock::kTotalLimit);
  EXPECT_EQ(Claim(Up(3)).slots_used, 3);
}

TEST_P(Claims, AFullHostAndAFullTypeAreSteppedOver) {
  for (int i = 0; i < 3; ++i) Submitted(AJob("property", "https://a.example/"));
  Advance(Millis{1});
  Submitted(AJob("builder", "https://a.example/"));
  std::string other = Submitted(AJob("builder", "https://b.example/"));
  ClaimRequest request = Up(10, 10);
  request.limits.per_host = 1;
  auto result = Claim(request);
  ASSERT_EQ(result.jobs.size(), 2u);
  EXPECT_EQ(result.jobs[1].job_id, other);
  EXPECT_EQ(result.block, ClaimBlock::kOtherLimits);
  request.limits.per_host = 0;
  request.limits.per_type = {{"property", 1}};
  auto more = Claim(request);
  ASSERT_EQ(more.jobs.size(), 1u);
  EXPECT_EQ(more.jobs[0].entity_type, "builder");
  EXPECT_EQ(more.block, ClaimBlock::kOtherLimits);
  auto use = Do([&](Store& s) { return s.Slots("builder", "a.example"); });
  EXPECT_EQ(use->total, 3);
  EXPECT_EQ(use->of_type, 2);
  EXPECT_EQ(use->of_host, 2);
  EXPECT_EQ(use->holders.size(), 3u);
}

TEST_P(Claims, PausedTypesWaitUntilResumed) {
  std::string property = Submitted(AJob("property"));
  std::string builder = Submitted(AJob("builder"));
  ASSERT_TRUE(Do([&](Store& s) -> Result<bool> { return s.Pause("property", now_).has_value(); }));
  EXPECT_EQ(Claim(Up(10)).jobs.at(0).job_id, builder);
  EXPECT_EQ(Claim(Up(10)).block, ClaimBlock::kPaused);
  ASSERT_TRUE(Do([&](Store& s) -> Result<bool> { return s.Resume("property").has_value(); }));
  ASSERT_TRUE(Do([&](Store& s) -> Result<bool> { return s.Pause("", now_).has_value(); }));
  EXPECT_EQ(Claim(Up(10)).block, ClaimBlock::kPaused);
  ClaimRequest this_one = Up(10);
  this_one.job_id = property;
  EXPECT_EQ(Claim(this_one).jobs.size(), 1u) << "a named job ignores the pause";
}

TEST_P(Claims, FutureJobsAreClaimedWhenDue) {
  EXPECT_EQ(Claim().block, ClaimBlock::kNothingPending);
  NewJob job = AJob();
  job.run_at = now_ + Millis{60'000};
  std::string job_id = Submitted(job);
  auto early = Claim();
  EXPECT_EQ(early.block, ClaimBlock::kNothingDue);
  EXPECT_EQ(early.total_pending, 1);
  EXPECT_EQ(**Do([&](Store& s) { return s.NextDue(false); }), now_ + Millis{60'000});
  EXPECT_EQ(*Do([&](Store& s) { return s.NextDue(true); }), std::nullopt);
  Advance(Millis{60'000});
  EXPECT_EQ(Claim().jobs.at(0).job_id, job_id);
}

TEST_P(Claims, SeveralRetriesOfOneLaneAreClaimedAgain) {
  std::vector<AttemptRef> refs;
  for (int i = 0; i < 5; ++i) refs.push_back(Running());
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(Retry(refs[i], Millis{1'000 * (5 - i)}));
  Advance(Millis{10'000});
  ClaimRequest request;
  request.limits.total = 10;
  request.count = 10;
  auto claimed = Claim(request).jobs;
  ASSERT_EQ(claimed.size(), 5u);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(claimed[i].job_id, refs[4 - i].job_id);
}

TEST_P(Claims, ManyJobsOfManyLanesComeInTheOrderOfTheirRows) {
  std::vector<NewJob> jobs;
  for (int i = 0; i < 400; ++i)
    jobs.push_back(AJob("property", "https://site" + std::to_string(i % 60) + ".example/"));
  auto ids = Do([&](Store& store) { return store.SubmitMany(jobs, {}, 1'000'000, now_); });
  ASSERT_TRUE(ids);
  ClaimRequest request;
  request.limits = {1'000, 3, {}};
  request.count = 1'000;
  auto claimed = Claim(request).jobs;
  ASSERT_EQ(claimed.size(), 60u * 3);
  for (std::size_t i = 0; i < claimed.size(); ++i) EXPECT_EQ(claimed[i].job_id, (*ids)[i]);
}

TEST_P(Claims, ManyAtOnceComeInTheOrderOfOneByOne) {
  std::vector<NewJob> jobs;
  std::minstd_rand random(7);
  for (int i = 0; i < 300; ++i) {
    NewJob job = AJob("type" + std::to_string(random() % 4),
                      "https://site" + std::to_string(random() % 90) + ".example/");
    job.priority = static_cast<int>(random() % 11);
    jobs.push_back(job);
  }
  auto ids = Do([&](Store& store) { return store.SubmitMany(jobs, {}, 1'000'000, now_); });
  ASSERT_TRUE(ids);
  std::map<std::string, std::pair<int, std::size_t>> expected;  // priority first, then their rows
  for (std::size_t i = 0; i < jobs.size(); ++i) expected[(*ids)[i]] = {-*jobs[i].priority, i};
  std::vector<std::pair<int, std::size_t>> order;
  for (int count : {7, 1, 64, 30, 1, 150, 100}) {
    auto claimed = Claim(Up(1'000, count));
    EXPECT_EQ(claimed.total_pending, 300 - static_cast<int>(order.size() + claimed.jobs.size()));
    for (const Job& job : claimed.jobs) order.push_back(expected.at(job.job_id));
    ExpectExact();
  }
  EXPECT_EQ(order.size(), 300u);
  EXPECT_TRUE(std::ranges::is_sorted(order));
}

TEST_P(Claims, OnRequestModeStartsRetriesByItself) {
  AttemptRef ref = Running();
  ASSERT_TRUE(Retry(ref, Millis{5'000}));
  Submitted(WithPriority(10));
  ClaimRequest request = Up(10, 5);
  request.only_started_before = true;
  EXPECT_EQ(Claim(request).block, ClaimBlock::kNothingDue);
  EXPECT_EQ(**Do([&](Store& s) { return s.NextDue(true); }), now_ + Millis{5'000});
  Advance(Millis{5'000});
  auto claimed = Claim(request);
  ASSERT_EQ(claimed.jobs.size(), 1u);
  EXPECT_EQ(claimed.jobs[0].job_id, ref.job_id);
}

TEST_P(Claims, ANamedJobObeysLimitsOnly) {
  NewJob later = AJob();
  later.run_at = now_ + Millis{60'000};
  std::string job_id = Submitted(later);
  ClaimRequest request = Up(1);
  request.job_id = job_id;
  EXPECT_EQ(Claim(request).jobs.size(), 1u);
  EXPECT_EQ(Claim(request).block, ClaimBlock::kNotPending);
  request.job_id = Submitted();
  EXPECT_EQ(Claim(request).block, ClaimBlock::kTotalLimit);
  request.job_id = "JOB-1-NONE000000";
  EXPECT_EQ(Do([&](Store& s) { return s.Claim(request, now_); }).error().code,
            ErrorCode::kNotFound);
}

TEST_P(Claims, ReadyBeforeCountsThoseWhoGoFirst) {
  Submitted(WithPriority(9));
  std::string job_id = Submitted();
  Submitted(WithPriority(1));
  EXPECT_EQ(*Do([&](Store& s) { return s.ReadyBefore(job_id); }), 1);
}

}  // namespace
}  // namespace forager::store
