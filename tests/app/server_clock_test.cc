#include "app/server_clock.h"

#include <gtest/gtest.h>

namespace forager::app {
namespace {

TEST(ServerClock, ASmallCorrectionNeverTurnsItBack) {
  ServerClock clock;
  os::Wall before = clock.Now();
  clock.Move(Millis{-900});
  os::Wall after = clock.Now();
  EXPECT_GE(after, before);
  EXPECT_LT(after - before, Millis{500});
  clock.Move(Millis{900});
  EXPECT_GE(clock.Now(), after);
}

TEST(ServerClock, AJumpIsOne) {
  ServerClock clock;
  os::Wall before = clock.Now();
  clock.Move(Millis{-3'600'000});
  EXPECT_LT(clock.Now(), before - Millis{3'590'000});
  clock.SetOffset(clock.offset() + Millis{7'200'000});
  EXPECT_GT(clock.Now(), before + Millis{3'590'000});
}

}  // namespace
}  // namespace forager::app
