// How many attempts that do nothing come and go in a second. Run with
// --gtest_also_run_disabled_tests.
#include <fmt/format.h>

#include "tests/supervisor/supervisor_fixture.h"

namespace forager::supervisor {
namespace {

TEST_F(SupervisorTest, DISABLED_AttemptsPerSecond) {
  Open();
  constexpr std::size_t kCount = 2000, kAtOnce = 8;
  int next = 0;
  os::Steady start = os::SystemClock().SteadyNow();
  EXPECT_TRUE(witness_.Until(
      [&] {
        while (supervisor_->Live().size() < kAtOnce && next < static_cast<int>(kCount)) {
          supervisor_->Start(SelfTest("ok", ++next));
        }
        return witness_.ended.size() == kCount;
      },
      std::chrono::seconds(60)));
  auto took = os::SystemClock().SteadyNow() - start;
  fmt::print("{:.0f} attempts a second\n", kCount * 1000.0 / static_cast<double>(took.count()));
}

}  // namespace
}  // namespace forager::supervisor
