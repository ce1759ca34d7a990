#include "os/event_loop.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <thread>

#include "os/descriptor.h"

namespace forager::os {
namespace {

using std::chrono::milliseconds;

class EventLoopTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(pipe2(ends_, O_CLOEXEC | O_NONBLOCK), 0);
    read_ = Descriptor(ends_[0]);
    write_ = Descriptor(ends_[1]);
    limit_ = loop_->After(std::chrono::seconds(20), [this] {
      ADD_FAILURE() << "took too long";
      loop_->Stop();
    });
  }
  void Say(char c) { ASSERT_EQ(write(write_.get(), &c, 1), 1); }

  int ends_[2];
  Descriptor read_, write_;
  std::unique_ptr<EventLoop> loop_ = EventLoop::Make();
  EventLoop::Token limit_;
};

TEST_F(EventLoopTest, RunsPostedTasksInOrderFromAnyThread) {
  std::vector<int> seen;
  std::jthread other([&] {
    for (int i = 0; i < 1000; ++i) loop_->Post([&seen, i] { seen.push_back(i); });
    loop_->Post([&] { loop_->Stop(); });
  });
  loop_->Run();
  ASSERT_EQ(seen.size(), 1000u);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
}

TEST_F(EventLoopTest, CallsReadableAsLongAsThereIsSomethingToRead) {
  int calls = 0;
  auto token = loop_->WatchReadable(read_.get(), [&] {
    char c;
    ASSERT_EQ(read(read_.get(), &c, 1), 1);
    if (++calls == 3) loop_->Stop();
  });
  Say('a'), Say('b'), Say('c');
  loop_->Run();
  EXPECT_EQ(calls, 3);
}

TEST_F(EventLoopTest, TellsAReaderOfTheEndOfThePipe) {
  bool called = false;
  auto token = loop_->WatchReadable(read_.get(), [&] {
    called = true;
    loop_->Stop();
  });
  write_.Close();
  loop_->Run();
  EXPECT_TRUE(called);
}

TEST_F(EventLoopTest, AWatcherMayEndItselfAndAnotherTakeTheNumber) {
  EventLoop::Token token;
  int first = 0, second = 0;
  token = loop_->WatchReadable(read_.get(), [&] {
    ++first;
    token.reset();
    token = loop_->WatchReadable(read_.get(), [&] {
      ++second;
      loop_->Stop();
    });
  });
  Say('a');
  loop_->Run();
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 1);
}

TEST_F(EventLoopTest, TimersComeInTheOrderOfTheirTime) {
  std::string seen;
  auto late = loop_->After(milliseconds(30), [&] {
    seen += "c";
    loop_->Stop();
  });
  auto early = loop_->After(milliseconds(1), [&] { seen += "a"; });
  auto middle = loop_->After(milliseconds(10), [&] { seen += "b"; });
  auto never = loop_->After(milliseconds(5), [&] { seen += "x"; });
  never.reset();
  loop_->Run();
  EXPECT_EQ(seen, "abc");
}

TEST_F(EventLoopTest, ARepeatingTimerGoesOnUntilItsTokenEnds) {
  int rounds = 0;
  EventLoop::Token again;
  EventLoop::Token end;
  again = loop_->Every(milliseconds(1), [&] {
    if (++rounds < 5) return;
    again.reset();
    end = loop_->After(milliseconds(20), [&] { loop_->Stop(); });
  });
  loop_->Run();
  EXPECT_EQ(rounds, 5);
}

TEST_F(EventLoopTest, SignalsAreReadLikeData) {
  int raised = 0;
  auto count = [&] {
    if (++raised == 2) loop_->Stop();
  };
  auto token = loop_->OnSignal(SIGUSR1, count);
  auto other = loop_->OnSignal(SIGUSR2, count);
  loop_->Post([] {
    raise(SIGUSR2);
    raise(SIGUSR1);
  });
  loop_->Run();
  EXPECT_EQ(raised, 2);
}

TEST_F(EventLoopTest, ATokenMayOutliveItsLoop) {
  auto token = loop_->After(milliseconds(1), [] {});
  auto readable = loop_->WatchReadable(read_.get(), [] {});
  limit_.reset();
  loop_.reset();
}

}  // namespace
}  // namespace forager::os
