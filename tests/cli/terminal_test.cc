#include "cli/terminal.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "os/descriptor.h"

namespace forager::cli {
namespace {

class RawTerminalTest : public testing::TestWithParam<int> {
 protected:
  RawTerminalTest() : master_(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    grantpt(master_.get());
    unlockpt(master_.get());
    terminal_ = os::Descriptor(open(ptsname(master_.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
  }

  bool ReadsLines() const {
    termios settings{};
    EXPECT_EQ(tcgetattr(terminal_.get(), &settings), 0);
    return (settings.c_lflag & ICANON) && (settings.c_lflag & ECHO);
  }
  // All that was written, and a mark after it.
  std::string Shown() const {
    EXPECT_EQ(write(terminal_.get(), "|", 1), 1);
    std::string shown;
    char byte = 0;
    while (!shown.ends_with('|') && read(master_.get(), &byte, 1) == 1) shown += byte;
    return shown;
  }

  os::Descriptor master_, terminal_;
};

TEST_F(RawTerminalTest, IsGivenBackWhenItGoes) {
  {
    RawTerminal raw(terminal_.get(), terminal_.get());
    EXPECT_FALSE(ReadsLines());
  }
  EXPECT_TRUE(ReadsLines());
  EXPECT_TRUE(Shown().ends_with("\x1b[?25h\x1b[?1049l|"));
}

TEST_P(RawTerminalTest, IsGivenBackBeforeASignalEndsTheProcess) {
  EXPECT_EXIT(
      {
        RawTerminal raw(terminal_.get(), terminal_.get());
        if (!ReadsLines()) raise(GetParam());
      },
      testing::KilledBySignal(GetParam()), "");
  EXPECT_TRUE(ReadsLines());
  EXPECT_TRUE(Shown().ends_with("\x1b[?25h\x1b[?1049l|"));
}

TEST_F(RawTerminalTest, WhatIsIgnoredEndsNothing) {
  EXPECT_EXIT(
      {
        signal(SIGHUP, SIG_IGN);
        RawTerminal raw(terminal_.get(), terminal_.get());
        raise(SIGHUP);
        _exit(ReadsLines() ? 1 : 0);
      },
      testing::ExitedWithCode(0), "");
}

TEST_F(RawTerminalTest, OnceItIsLeftSignalsFindTheTerminalAsItIs) {
  EXPECT_EXIT(
      {
        RawTerminal raw(terminal_.get(), terminal_.get());
        raw.Leave();
        if (Shown().ends_with("l|")) raise(SIGTERM);
      },
      testing::KilledBySignal(SIGTERM), "");
  EXPECT_EQ(Shown(), "|");
}

INSTANTIATE_TEST_SUITE_P(Signals, RawTerminalTest,
                         testing::Values(SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGABRT, SIGUSR1),
                         [](const auto& info) { return std::string(sigabbrev_np(info.param)); });

}  // namespace
}  // namespace forager::cli
