// The history: what transitions leave for charts.
#include "tests/store/store_fixture.h"

namespace forager::store {
namespace {

using enum HistoryEvent;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

class History : public StoreTest {
 protected:
  HistoryAnswer Read(HistoryRange range = HistoryRange::kHour,
                     std::optional<std::string> entity_type = {}) {
    return Do([&](Store& s) { return s.History(range, entity_type, now_); }).value();
  }
  HistorySums Sum(HistoryRange range = HistoryRange::kHour,
                  std::optional<std::string> entity_type = {}) {
    HistorySums sums;
    for (const auto& bucket : Read(range, entity_type).buckets) sums.Add(bucket.sums);
    return sums;
  }
  std::int64_t Rows() {
    return std::stoll(Shell(options_).Ask("SELECT count(*) FROM collection_history"));
  }
};
FORAGER_ON_BOTH_DRIVERS(History);

TEST_P(History, EveryTransitionIsCountedOnce) {
  ASSERT_TRUE(Complete(Running()));
  ASSERT_TRUE(Fail(Running()));
  ASSERT_TRUE(Retry(Running(), Millis(0)));
  AttemptRef cancelled = Running();
  ASSERT_TRUE(Do([&](Store& s) { return s.Cancel(Final(cancelled, "cancelled"), now_); }).value());
  std::string pending = Submitted();
  ASSERT_TRUE(Do([&](Store& s) { return s.RequestCancel(pending, false, now_); }));
  AttemptRef reset = Running();
  ASSERT_TRUE(Do([&](Store& s) { return s.Reset(reset, "stuck", false, now_); }).value());
  AttemptRef requeued = Running();
  ASSERT_TRUE(Do([&](Store& s) { return s.Reset(requeued, "stuck", true, now_); }).value());
  HistorySums sums = Sum();
  EXPECT_EQ(sums[kSubmitted], 7);
  EXPECT_EQ(sums[kCompleted], 1);
  EXPECT_EQ(sums[kFailed], 2);  // one of them by the reset
  EXPECT_EQ(sums[kRetried], 1);
  EXPECT_EQ(sums[kCancelled], 2);
  EXPECT_EQ(sums[kReset], 2);
  EXPECT_EQ(sums.run_times.count(), 1);
  EXPECT_EQ(sums.waits.count(), 6);
}

TEST_P(History, ALateWordIsNotCounted) {
  AttemptRef ref = Running();
  ASSERT_TRUE(Do([&](Store& s) { return s.Reset(ref, "stuck", false, now_); }).value());
  EXPECT_FALSE(Complete(ref));
  EXPECT_FALSE(Fail(ref));
  HistorySums sums = Sum();
  EXPECT_EQ(sums[kCompleted], 0);
  EXPECT_EQ(sums[kFailed], 1);
}

TEST_P(History, WhatIsRolledBackIsNotCounted) {
  auto undone = service_->WriteAndWait([&](Store& s) -> Result<void> {
    (void)s.Submit(AJob(), 5, 1'000, now_);
    return forager::Fail(ErrorCode::kConflict, "no");
  });
  EXPECT_FALSE(undone);
  EXPECT_EQ(Sum()[kSubmitted], 0);
}

TEST_P(History, ManyAtOnceAndBulkCancelsAreCounted) {
  std::vector<NewJob> jobs(500, AJob());
  ASSERT_TRUE(Do([&](Store& s) { return s.SubmitMany(jobs, {}, 1'000, now_); }));
  JobFilter filter;
  filter.entity_type = "property";
  auto dry =
      Do([&](Store& s) { return s.BulkApply(Store::Bulk::kCancel, filter, 0, 300, true, now_); });
  auto done =
      Do([&](Store& s) { return s.BulkApply(Store::Bulk::kCancel, filter, 0, 300, false, now_); });
  ASSERT_TRUE(dry && done);
  EXPECT_EQ(Sum()[kSubmitted], 500);
  EXPECT_EQ(Sum()[kCancelled], 300);
  EXPECT_EQ(Rows(), 3);
}

TEST_P(History, TimesAreTheRunsAndTheWaits) {
  Submitted();
  Advance(seconds(20));
  Job job = Claim().jobs.at(0);
  Advance(seconds(3));
  ASSERT_TRUE(Complete({job.job_id, job.attempt}));
  HistorySums sums = Sum();
  EXPECT_NEAR(*sums.waits.Quantile(0.5), 20, 2);
  EXPECT_NEAR(*sums.run_times.Quantile(0.5), 3, 0.3);
}

TEST_P(History, AWaitBeginsWhenTheJobIsDue) {
  NewJob later = AJob();
  later.run_at = now_ + hours(1);
  Submitted(later);
  Advance(hours(1) + seconds(5));
  ASSERT_EQ(Claim().jobs.size(), 1u);
  EXPECT_NEAR(*Sum().waits.Quantile(0.5), 5, 0.5);
}

TEST_P(History, BucketsBeginAtWholeStepsAndTheLastIsStillFilling) {
  Submitted();
  Advance(minutes(2));
  Submitted();
  Submitted();
  HistoryAnswer hour = Read();
  ASSERT_EQ(hour.buckets.size(), 60u);
  EXPECT_EQ(hour.bucket, seconds(60));
  EXPECT_EQ(hour.buckets.back().at, std::chrono::floor<minutes>(now_));
  EXPECT_EQ(hour.buckets.back().sums[kSubmitted], 2);
  EXPECT_EQ(hour.buckets[57].sums[kSubmitted], 1);
  EXPECT_EQ(hour.buckets[58].sums[kSubmitted], 0);
  EXPECT_EQ(hour.to - hour.from, hours(1));
}

TEST_P(History, LongRangesReadTheSameHistory) {
  Submitted();
  Advance(hours(20));
  Submitted();
  EXPECT_EQ(Sum(HistoryRange::kHour)[kSubmitted], 1);
  EXPECT_EQ(Sum(HistoryRange::kDay)[kSubmitted], 2);
  EXPECT_EQ(Sum(HistoryRange::kMonth)[kSubmitted], 2);
  Advance(hours(24 * 20));
  EXPECT_EQ(Sum(HistoryRange::kDay)[kSubmitted], 0);
  EXPECT_EQ(Sum(HistoryRange::kMonth)[kSubmitted], 2);
  EXPECT_EQ(Read(HistoryRange::kDay).buckets.size(), 96u);
  EXPECT_EQ(Read(HistoryRange::kMonth).buckets.size(), 120u);
}

TEST_P(History, AnEntityTypeNarrowsIt) {
  Submitted();
  Submitted(AJob("builder"));
  EXPECT_EQ(Sum(HistoryRange::kHour, "builder")[kSubmitted], 1);
  EXPECT_EQ(Sum(HistoryRange::kHour, "unknown")[kSubmitted], 0);
  EXPECT_EQ(Sum()[kSubmitted], 2);
}

TEST_P(History, ManyTypesAreToldApartUpToABoundAndCountedAll) {
  std::vector<NewJob> jobs;
  for (int i = 0; i < 250; ++i) jobs.push_back(AJob("type_" + std::to_string(1'000 + i)));
  ASSERT_TRUE(Do([&](Store& s) { return s.SubmitMany(jobs, {}, 1'000, now_); }));
  EXPECT_EQ(Rows(), 3 * 201);
  EXPECT_EQ(Sum()[kSubmitted], 250);
  EXPECT_EQ(Sum(HistoryRange::kHour, "type_1000")[kSubmitted], 1);
}

TEST_P(History, ItSurvivesItsJobsAndAnotherStart) {
  ASSERT_TRUE(Complete(Running()));
  ASSERT_EQ(Do([&](Store& s) { return s.PruneJobs(now_ + hours(1), 10); }).value(), 1);
  OpenStore();
  EXPECT_EQ(Sum()[kCompleted], 1);
  ASSERT_TRUE(Complete(Running()));
  EXPECT_EQ(Sum()[kCompleted], 2);
}

TEST_P(History, OldRowsGoInSmallBatches) {
  for (int i = 0; i < 30; ++i) {
    Submitted();
    Advance(minutes(1));
  }
  std::int64_t all = Rows();
  auto prune = [&](int limit) {
    return Do([&](Store& s) { return s.PruneHistory(now_, limit); }).value();
  };
  EXPECT_EQ(prune(10), 0);
  Advance(hours(3));
  EXPECT_EQ(prune(10), 10);
  EXPECT_EQ(Rows(), all - 11);
  EXPECT_EQ(prune(1'000), 19);
  EXPECT_EQ(Sum(HistoryRange::kMonth)[kSubmitted], 30);
  Advance(hours(32 * 24));
  prune(1'000);
  EXPECT_EQ(Rows(), 0);
}

TEST_P(History, AnUnreadableRowByHandHurtsNothing) {
  Submitted();
  Shell(options_).Run("UPDATE collection_history SET run_times = 'x', waits = '9:'");
  ASSERT_TRUE(Complete({Claim().jobs.at(0).job_id, 1}));
  EXPECT_EQ(Sum().run_times.count(), 1);
}

}  // namespace
}  // namespace forager::store
