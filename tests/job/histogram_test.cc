#include "job/histogram.h"

#include <gtest/gtest.h>

namespace forager {
namespace {

TEST(Histogram, QuantilesAreRightToATenth) {
  for (int exact : {1, 7, 45, 250, 999, 4'000, 61'000, 1'800'000, 90'000'000}) {
    Histogram histogram;
    for (int i = 0; i < 100; ++i) histogram.Add(Millis(exact));
    EXPECT_NEAR(*histogram.Quantile(0.5), exact / 1e3, exact / 1e4) << exact;
  }
}

TEST(Histogram, QuantilesOfAThousandDurations) {
  Histogram histogram;
  for (int i = 1; i <= 1'000; ++i) histogram.Add(Millis(i * 10));
  EXPECT_EQ(histogram.count(), 1'000);
  EXPECT_NEAR(*histogram.Quantile(0.5), 5, 0.5);
  EXPECT_NEAR(*histogram.Quantile(0.95), 9.5, 0.95);
  EXPECT_NEAR(*histogram.Quantile(1), 10, 1);
}

TEST(Histogram, NothingHasNoQuantileAndAnInstantTakesNoTime) {
  Histogram histogram;
  EXPECT_FALSE(histogram.Quantile(0.5));
  histogram.Add(Millis(0));
  EXPECT_EQ(histogram.Quantile(0.5), 0.0);
  histogram.Add(Millis(-5));  // a clock that was set back
  EXPECT_EQ(histogram.Quantile(1), 0.0);
}

TEST(Histogram, ItsTextGoesThereAndBackAndAddsUp) {
  Histogram one, two;
  one.Add(Millis(5), 3);
  one.Add(Millis(1'000'000'000'000));
  two.Add(Millis(5), 2);
  one.Add(two);
  EXPECT_EQ(one.count(), 6);
  EXPECT_EQ(Histogram::Parse(one.Text()).Text(), one.Text());
  EXPECT_EQ(Histogram::Parse("").count(), 0);
}

TEST(Histogram, WhatCannotBeReadCountsNothing) {
  EXPECT_EQ(Histogram::Parse("x").count(), 0);
  EXPECT_EQ(Histogram::Parse("3:2,").count(), 2);
  EXPECT_EQ(Histogram::Parse("3:2;4:1").count(), 2);
  EXPECT_EQ(Histogram::Parse("3:2,141:5").count(), 2);
  EXPECT_EQ(Histogram::Parse("3:-2").count(), 0);
  EXPECT_EQ(Histogram::Parse("3:99999999999999999999").count(), 0);
}

}  // namespace
}  // namespace forager
