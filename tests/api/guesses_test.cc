// How often one address may be wrong.
#include "api/guesses.h"

#include <gtest/gtest.h>

namespace forager::api {
namespace {

using namespace std::chrono_literals;

TEST(Guesses, AnAddressIsWrongSoOftenAndThenNowAndThen) {
  Guesses guesses;
  os::Steady now{1'000s};
  int told = 0;
  for (int i = 0; i < 1'000; ++i) told += guesses.Wrong("192.0.2.7", now, true) ? 1 : 0;
  EXPECT_EQ(told, 200);
  EXPECT_FALSE(guesses.MayLook("192.0.2.7", now));
  EXPECT_TRUE(guesses.MayLook("192.0.2.8", now)) << "another address has its own";
  EXPECT_TRUE(guesses.Wrong("192.0.2.8", now, true));
  EXPECT_TRUE(guesses.MayLook("192.0.2.7", now + 1s));
  EXPECT_TRUE(guesses.Wrong("192.0.2.7", now + 1s, true));
}

TEST(Guesses, WhatIsKnownToBeWrongDoesNotUseUpTheLooks) {
  Guesses guesses;
  os::Steady now{1'000s};
  for (int i = 0; i < 10'000; ++i) guesses.Wrong("192.0.2.7", now, false);
  EXPECT_FALSE(guesses.Wrong("192.0.2.7", now, false));
  EXPECT_TRUE(guesses.MayLook("192.0.2.7", now)) << "what is new there may be good";
}

TEST(Guesses, TheTableIsBoundedAndTheRestShareOneBucket) {
  Guesses guesses;
  os::Steady now{1'000s};
  for (int i = 0; i < 10'000; ++i) EXPECT_TRUE(guesses.Wrong(std::to_string(i), now, true));
  int told = 0;
  for (int i = 10'000; i < 20'000; ++i) told += guesses.Wrong(std::to_string(i), now, true) ? 1 : 0;
  EXPECT_EQ(told, 200);
  EXPECT_FALSE(guesses.MayLook("new", now));
  // Those who were wrong once make room.
  EXPECT_TRUE(guesses.Wrong("new", now + 2s, true));
  EXPECT_TRUE(guesses.MayLook("new", now + 2s));
}

}  // namespace
}  // namespace forager::api
