// The test program is also its own keeper, and the server that a test kills.
#include <gtest/gtest.h>

#include <string_view>

#include "supervisor/supervisor.h"
#include "tests/supervisor/probe.h"

int main(int argc, char** argv) {
  using namespace forager::supervisor;
  if (argc > 1 && std::string_view(argv[1]) == "keeper") {
    return KeeperMain(argc, argv, {PrepareProbe, RunProbeOrAttempt});
  }
  if (argc > 2 && std::string_view(argv[1]) == "server") return RunServerUntilKilled(argv[2]);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
