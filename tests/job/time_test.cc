#include "job/time.h"

#include <gtest/gtest.h>

#include "job/job_id.h"

namespace forager {
namespace {

TEST(Time, Rfc3339GoesThereAndBack) {
  auto time = ParseRfc3339("2026-11-23T10:00:00.123Z");
  ASSERT_TRUE(time);
  EXPECT_EQ(FormatRfc3339(*time), "2026-11-23T10:00:00.123Z");
  EXPECT_EQ(FormatSqlTime(*time), "2026-11-23 10:00:00.123");
}

TEST(Time, OffsetsAndFractionsAreRead) {
  EXPECT_EQ(FormatRfc3339(*ParseRfc3339("2026-11-23T12:30:00.5+02:30")),
            "2026-11-23T10:00:00.500Z");
  EXPECT_EQ(FormatRfc3339(*ParseRfc3339("2026-11-23t10:00:00-01:00")), "2026-11-23T11:00:00.000Z");
  EXPECT_EQ(FormatRfc3339(*ParseRfc3339("2028-02-29T00:00:00.999999999Z")),
            "2028-02-29T00:00:00.999Z");
}

TEST(Time, WrongTimesAreRefused) {
  for (auto text :
       {"", "2026-11-23", "2026-11-23T10:00:00", "2026-02-30T10:00:00Z", "2026-11-23T24:00:00Z",
        "1969-12-31T23:59:59Z", "2026-11-23T10:00:00.Z", "2026-11-23T10:00:00+2:00",
        "2026-11-23T10:00:00Zx", "1970-01-01T00:00:00+05:00", "2026-13-01T10:00:00Z",
        "2026-11-23T10:00:00.1234567890Z"}) {
    EXPECT_FALSE(ParseRfc3339(text)) << text;
  }
}

TEST(Time, WhatAShellWritesIsRead) {
  EXPECT_EQ(FormatSqlTime(*ParseSqlTime("2026-11-23 10:00:00")), "2026-11-23 10:00:00.000");
  EXPECT_EQ(FormatSqlTime(*ParseSqlTime("2026-11-23T10:00:00Z")), "2026-11-23 10:00:00.000");
  EXPECT_FALSE(ParseSqlTime("yesterday"));
}

TEST(Duration, IsReadAndWrittenInItsUnits) {
  EXPECT_EQ(ParseDuration("500ms"), Millis{500});
  EXPECT_EQ(ParseDuration("1.5h"), Millis{5'400'000});
  EXPECT_EQ(FormatDuration(Millis{90'000}), "90s");
  EXPECT_EQ(FormatDuration(Millis{600'000}), "10m");
  for (auto text : {"", "10", "s", "-1s", "1e3s", "10 s", "nan", "99999999999h"})
    EXPECT_FALSE(ParseDuration(text)) << text;
}

TEST(Minutes, AreWrittenInShortestDecimalForm) {
  EXPECT_EQ(FormatMinutes(Millis{1'800'000}), "30");
  EXPECT_EQ(FormatMinutes(Millis{30'000}), "0.5");
  EXPECT_EQ(FormatMinutes(Millis{0}), "0");
  EXPECT_EQ(FormatMinutes(Millis{600}), "0.01");
}

TEST(JobId, HasTheContractsFormAndKeepsTheOrderOfOneSecond) {
  WallTime now = *ParseRfc3339("2026-11-23T10:00:00Z");
  std::string first = MakeJobId(now), second = MakeJobId(now);
  EXPECT_TRUE(IsJobId(first)) << first;
  EXPECT_LT(first, second);
  EXPECT_FALSE(IsJobId("JOB-1-short"));
  EXPECT_FALSE(IsJobId("JOB--0123456789"));
  EXPECT_FALSE(IsJobId("JOB-12-012345678a"));
}

}  // namespace
}  // namespace forager
