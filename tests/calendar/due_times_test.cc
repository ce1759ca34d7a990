#include "calendar/due_times.h"

#include <gtest/gtest.h>

#include "calendar/zones.h"

namespace forager::calendar {
namespace {

WallTime Time(std::string_view text) { return ParseRfc3339(text).value(); }

// The due times after `after`, as their zone's clock shows them.
std::string Dues(std::string_view cron, const std::string& zone, std::string_view after,
                 int count = 3) {
  auto parsed = Cron::Parse(cron);
  auto found = FindZone(zone);
  EXPECT_TRUE(parsed && found);
  if (!parsed || !found) return "";
  std::string text;
  for (WallTime due : NextDues(*parsed, *found, Time(after), count)) {
    if (!text.empty()) text += ' ';
    text += FormatLocal(*found, due);
  }
  return text;
}

TEST(DueTimes, ATimeInTheGapIsDueAtItsEnd) {
  EXPECT_EQ(Dues("30 2 * * *", "Europe/Berlin", "2027-03-26T12:00:00Z"),
            "2027-03-27T02:30:00+01:00 2027-03-28T03:00:00+02:00 2027-03-29T02:30:00+02:00");
  EXPECT_EQ(Dues("30 2 * * *", "America/New_York", "2027-03-13T12:00:00Z"),
            "2027-03-14T03:00:00-04:00 2027-03-15T02:30:00-04:00 2027-03-16T02:30:00-04:00");
  EXPECT_EQ(Dues("15 2 * * *", "Australia/Lord_Howe", "2026-10-02T20:00:00Z", 2),
            "2026-10-04T02:30:00+11:00 2026-10-05T02:15:00+11:00");
  // Midnight itself does not exist in Cairo on that day.
  EXPECT_EQ(Dues("0 0 * * *", "Africa/Cairo", "2027-04-29T12:00:00Z", 2),
            "2027-04-30T01:00:00+03:00 2027-05-01T00:00:00+03:00");
}

TEST(DueTimes, SeveralTimesInTheGapAreOneRun) {
  EXPECT_EQ(Dues("*/20 2,3 * * *", "Europe/Berlin", "2027-03-28T00:00:00Z", 4),
            "2027-03-28T03:00:00+02:00 2027-03-28T03:20:00+02:00 2027-03-28T03:40:00+02:00 "
            "2027-03-29T02:00:00+02:00");
}

TEST(DueTimes, ATimeThatExistsTwiceIsDueOnce) {
  EXPECT_EQ(Dues("30 2 * * *", "Europe/Berlin", "2027-10-30T12:00:00Z", 2),
            "2027-10-31T02:30:00+02:00 2027-11-01T02:30:00+01:00");
  EXPECT_EQ(Dues("30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z", 2),
            "2026-11-01T01:30:00-04:00 2026-11-02T01:30:00-05:00");
  EXPECT_EQ(Dues("45 1 * * *", "Australia/Lord_Howe", "2027-04-03T12:00:00Z", 2),
            "2027-04-04T01:45:00+11:00 2027-04-05T01:45:00+10:30");
  // Asked between the two: the first is past, and there is no second.
  EXPECT_EQ(Dues("30 2 * * *", "Europe/Berlin", "2027-10-31T01:00:00Z", 1),
            "2027-11-01T02:30:00+01:00");
}

TEST(DueTimes, EveryHourCountsOnThroughBothChanges) {
  EXPECT_EQ(Dues("30 * * * *", "Europe/Berlin", "2027-03-28T00:00:00Z"),
            "2027-03-28T01:30:00+01:00 2027-03-28T03:30:00+02:00 2027-03-28T04:30:00+02:00");
  EXPECT_EQ(Dues("*/30 * * * *", "Europe/Berlin", "2027-10-30T23:59:00Z", 6),
            "2027-10-31T02:00:00+02:00 2027-10-31T02:30:00+02:00 2027-10-31T02:00:00+01:00 "
            "2027-10-31T02:30:00+01:00 2027-10-31T03:00:00+01:00 2027-10-31T03:30:00+01:00");
}

TEST(DueTimes, EveryMinuteOfTwoYearsIsDueExactlyOnceInEveryZone) {
  auto cron = Cron::Parse("*/15 * * * *");
  for (auto name : {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"}) {
    auto zone = FindZone(name);
    WallTime end = Time("2028-01-01T00:00:00Z");
    for (WallTime time = Time("2026-01-01T00:00:00Z"); time < end;) {
      auto next = NextDue(*cron, *zone, time);
      ASSERT_TRUE(next);
      ASSERT_EQ(*next - time, std::chrono::minutes(15)) << name << " " << FormatRfc3339(time);
      time = *next;
    }
  }
}

TEST(DueTimes, DailyRunsComeOncePerDayForTenYears) {
  for (auto name : {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca",
                    "America/Santiago", "Africa/Cairo"}) {
    auto zone = FindZone(name);
    for (auto text : {"0 0 * * *", "30 1 * * *", "30 2 * * *", "0 3 * * *", "59 23 * * *"}) {
      auto dues = NextDues(*Cron::Parse(text), *zone, Time("2026-01-01T00:00:00Z"), 3'652);
      ASSERT_EQ(dues.size(), 3'652u);
      for (std::size_t i = 1; i < dues.size(); ++i) {
        auto day = [&](WallTime time) {
          return std::chrono::floor<std::chrono::days>(
              zone->ToLocal(std::chrono::floor<seconds>(time)));
        };
        ASSERT_EQ(day(dues[i]) - day(dues[i - 1]), std::chrono::days(1))
            << name << " " << text << " " << FormatRfc3339(dues[i]);
      }
    }
  }
}

TEST(DueTimes, FractionsOfASecondDoNotHideADueTime) {
  EXPECT_EQ(Dues("0 10 * * *", "UTC", "2026-11-23T09:59:59.999Z", 1), "2026-11-23T10:00:00+00:00");
  EXPECT_EQ(Dues("0 10 * * *", "UTC", "2026-11-23T10:00:00.000Z", 1), "2026-11-24T10:00:00+00:00");
  EXPECT_EQ(Dues("0 10 * * *", "UTC", "2026-11-23T10:00:00.001Z", 1), "2026-11-24T10:00:00+00:00");
}

class PastDueTimes : public ::testing::Test {
 protected:
  PastDue Find(std::string_view cron, std::string_view first, std::string_view until, int keep) {
    return FindPastDue(*Cron::Parse(cron), *FindZone("UTC"), Time(first), Time(until), keep);
  }
};

TEST_F(PastDueTimes, BothEndsAreIncluded) {
  PastDue past = Find("0 * * * *", "2026-11-23T07:00:00Z", "2026-11-23T10:00:00Z", 10);
  EXPECT_EQ(past.count, 4);
  ASSERT_EQ(past.newest.size(), 4u);
  EXPECT_EQ(past.newest.front(), Time("2026-11-23T07:00:00Z"));
  EXPECT_EQ(past.newest.back(), Time("2026-11-23T10:00:00Z"));
}

TEST_F(PastDueTimes, OnlyTheNewestAreKept) {
  PastDue past = Find("0 * * * *", "2026-11-20T00:00:00Z", "2026-11-23T10:30:00Z", 2);
  EXPECT_EQ(past.count, 83);
  EXPECT_EQ(past.newest, (std::vector{Time("2026-11-23T09:00:00Z"), Time("2026-11-23T10:00:00Z")}));
}

TEST_F(PastDueTimes, ADecadeOfMinutesIsNotWalked) {
  PastDue past = Find("* * * * *", "2016-01-01T00:00:00Z", "2026-11-23T10:00:30Z", 3);
  EXPECT_EQ(past.count, 10'000);
  EXPECT_EQ(past.newest, (std::vector{Time("2026-11-23T09:58:00Z"), Time("2026-11-23T09:59:00Z"),
                                      Time("2026-11-23T10:00:00Z")}));
  // A rare burst that lies far back.
  past = Find("* * 1 1 *", "2010-01-01T00:00:00Z", "2026-11-23T10:00:30Z", 2);
  EXPECT_EQ(past.count, 10'000);
  EXPECT_EQ(past.newest, (std::vector{Time("2026-01-01T23:58:00Z"), Time("2026-01-01T23:59:00Z")}));
}

TEST_F(PastDueTimes, NothingIsPastBeforeItsTime) {
  PastDue past = Find("0 * * * *", "2026-11-23T11:00:00Z", "2026-11-23T10:00:00Z", 10);
  EXPECT_EQ(past.count, 0);
  EXPECT_TRUE(past.newest.empty());
}

}  // namespace
}  // namespace forager::calendar
