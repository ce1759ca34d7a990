// Many attempts at once, without a fault: each is told its own end.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <fstream>

#include "os/descriptor.h"
#include "os/proc_files.h"
#include "tests/supervisor/supervisor_fixture.h"

namespace forager::supervisor {
namespace {

// A gate outside of the data directory: who waits for its lock goes on when it is opened.
class Gate {
 public:
  Gate() : path_(std::filesystem::temp_directory_path() / fmt::format("gate-{}", getpid())) {
    lock_ = os::Descriptor(open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    EXPECT_EQ(flock(lock_.get(), LOCK_EX), 0);
  }
  ~Gate() { unlink(path_.c_str()); }
  void Open() { lock_.Close(); }
  AttemptSpec Waiter(int number, const std::string& then = "true") const {
    return Command({"/usr/bin/flock", "-s", path_, "/bin/sh", "-c", then}, number);
  }

 private:
  std::string path_;
  os::Descriptor lock_;
};

int EndedChildren(pid_t parent) {
  int ended = 0;
  std::ifstream children(fmt::format("/proc/{0}/task/{0}/children", parent));
  for (pid_t pid; children >> pid;)
    ended += os::ReadSmallFile(fmt::format("/proc/{}/stat", pid), 512).contains(") Z ");
  return ended;
}

TEST_F(SupervisorTest, WhoEndsWhileTheKeeperStandsStillIsTakenAtItsWord) {
  Open();
  Gate gate;
  constexpr int kCount = 200;  // more than the keeper reads at once
  for (int i = 1; i <= kCount; ++i) supervisor_->Start(gate.Waiter(i, "echo done; exit 0"));
  ASSERT_TRUE(witness_.Until([&] { return witness_.started.size() == kCount; }));
  pid_t keeper = supervisor_->figures().keeper_pid;
  kill(keeper, SIGSTOP);
  gate.Open();
  bool all = witness_.Until([&] { return EndedChildren(keeper) == kCount; });
  kill(keeper, SIGCONT);
  ASSERT_TRUE(all) << "they were to end before the keeper looks";
  ASSERT_TRUE(witness_.Until([&] { return witness_.ended.size() == kCount; }));
  for (int i = 1; i <= kCount; ++i) {
    auto* exited = std::get_if<Exited>(&witness_.ended[Ref(i)].process);
    EXPECT_TRUE(exited && exited->code == 0) << "attempt " << i;
    EXPECT_TRUE(witness_.Said(Ref(i), "done")) << "attempt " << i;
  }
  EXPECT_TRUE(witness_.restarts.empty());
  EXPECT_TRUE(witness_.Until([&] { return NothingIsLeft(); }));
}

TEST_F(SupervisorTest, WhatAnAttemptSaidLastIsReadThoughItsPipeStaysOpen) {
  Open();
  // A daemon of the attempt keeps both pipes open and ignores TERM; the last line has no end.
  AttemptEnd end = Run(Command({"/bin/sh", "-c",
                                "(trap '' TERM; exec sleep 600) & head -c 60000 /dev/zero | "
                                "tr '\\0' x; echo; printf 'the last word'"}));
  EXPECT_EQ(std::get<Exited>(end.process).code, 0);
  EXPECT_TRUE(witness_.Said(Ref(1), "the last word"));
}

}  // namespace
}  // namespace forager::supervisor
