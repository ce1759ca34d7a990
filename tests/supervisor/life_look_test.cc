#include "supervisor/life_look.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>

#include "job/time.h"

namespace forager::supervisor {
namespace {

constexpr std::int64_t kMs = 1'000'000;

os::ProcessLife Process(pid_t pid, pid_t parent = 1) {
  os::ProcessLife life;
  life.pid = pid;
  life.parent = parent;
  life.born = static_cast<std::uint64_t>(pid) * 10;
  return life;
}

TreeLife Tree(std::vector<os::ProcessLife> processes, Millis at = Millis{0}) {
  TreeLife tree;
  tree.at = os::Steady{Millis{1'000'000} + at};
  tree.processes = std::move(processes);
  return tree;
}

// One process that did `what` in a second.
template <typename Do>
LifeSigns After(Do what, bool closed = false) {
  TreeLife before = Tree({Process(10)}), now = Tree({Process(10)}, Millis{1'000});
  now.closed = closed;
  what(now);
  return Compare(before, now);
}

TEST(LifeCompare, NothingIsNothing) {
  LifeSigns signs = After([](TreeLife&) {});
  EXPECT_EQ(signs.bytes, 0);
  EXPECT_EQ(signs.cpu.count(), 0);
  EXPECT_FALSE(signs.worked);
  EXPECT_EQ(signs.at - signs.since, Millis{1'000});
}

TEST(LifeCompare, BytesOfFilesCountAndWakeUpsDoNot) {
  auto wrote = [](std::int64_t bytes, std::int64_t calls) {
    return After([=](TreeLife& now) {
      now.processes[0].written = bytes;
      now.processes[0].writes = calls;
    });
  };
  EXPECT_EQ(wrote(100, 1).bytes, 92);
  EXPECT_EQ(wrote(8'000, 1'000).bytes, 0) << "an event loop that wakes itself";
  auto read = [](std::int64_t bytes, std::int64_t calls) {
    return After([=](TreeLife& now) {
      now.processes[0].read = bytes;
      now.processes[0].reads = calls;
    });
  };
  EXPECT_GT(read(4'096, 1).bytes, 0);
  EXPECT_EQ(read(0, 1'000).bytes, 0) << "reads that find nothing";
}

TEST(LifeCompare, WhatTheServerReadFromItIsNoSignOfItsOwn) {
  LifeSigns signs = After([](TreeLife& now) {
    now.processes[0].written = 1'000;
    now.processes[0].writes = 1;
    now.output = 1'000;
  });
  EXPECT_EQ(signs.bytes, 0);
  signs = After([](TreeLife& now) {  // through `| grep | tee`
    now.processes[0].written = 3'000;
    now.processes[0].writes = 3;
    now.output = 1'000;
  });
  EXPECT_EQ(signs.bytes, 0);
  // Heard of between the counting and the reading: that is no gain at the next look either.
  TreeLife before = Tree({Process(10)}), between = Tree({Process(10)}, Millis{1'000});
  between.output = 1'000;
  EXPECT_EQ(Compare(before, between).bytes, 0);
  TreeLife now = Tree({Process(10)}, Millis{2'000});
  now.processes[0].written = now.output = 1'000;
  EXPECT_EQ(Compare(between, now).bytes, 0);
}

TEST(LifeCompare, ProcessesThatComeAndGoOnlyToWaitMoveNothing) {
  // sh, and one `sleep 1` after the other.
  TreeLife before = Tree({Process(10), Process(11, 10)});
  before.processes[1].read = 7'000;
  before.processes[1].reads = 20;
  TreeLife now = Tree({Process(10), Process(12, 10)}, Millis{1'000});
  now.processes[0].read = 7'000;  // inherited
  now.processes[0].reads = 20;
  now.processes[0].child_faults = 70;
  now.processes[1].read = 7'000;
  now.processes[1].reads = 20;
  EXPECT_EQ(Compare(before, now).bytes, 0);
  now.processes[0].written = 11;  // "$(date +%s)"
  now.processes[0].writes = 1;
  EXPECT_EQ(Compare(before, now).bytes, 0);
  TreeLife curl = now;  // whose bytes fell into two looks
  curl.processes[0].child_faults = 600;
  EXPECT_TRUE(Compare(before, curl).worked);
  EXPECT_FALSE(Compare(before, now).worked);
  TreeLife later = now;  // more of the same for longer
  later.at += Millis{36'000};
  later.processes[0].read = 37 * 7'000;
  EXPECT_EQ(Compare(before, later).bytes, 0);
  now.processes[1].read = 7'000'000;  // not a `sleep`
  EXPECT_GT(Compare(before, now).bytes, 6'000'000);
}

TEST(LifeCompare, TheEndOfAProcessNeitherAddsNorHides) {
  TreeLife before = Tree({Process(10), Process(11, 10)});
  before.processes[1].read = 50'000'000;
  before.processes[1].reads = 100;
  before.processes[1].cpu = 5'000 * kMs;
  TreeLife waited = Tree({Process(10)}, Millis{1'000});
  waited.processes[0].read = 50'000'000;
  waited.processes[0].reads = 100;
  waited.processes[0].child_cpu = 5'000 * kMs;
  EXPECT_EQ(Compare(before, waited).bytes, 0) << "its parent inherited its figures";
  EXPECT_EQ(Compare(before, waited).cpu.count(), 0);
  TreeLife lost = Tree({Process(10)}, Millis{1'000});
  lost.processes[0].written = 3'000;
  lost.processes[0].writes = 1;
  EXPECT_GT(Compare(before, lost).bytes, 2'000) << "nobody waited for it";
}

TEST(LifeCompare, ANewProcessOfTheSameNumberIsNew) {
  TreeLife before = Tree({Process(10)}), now = Tree({Process(10)}, Millis{1'000});
  before.processes[0].read = 10'000'000;
  now.processes[0].born = 999;
  now.processes[0].read = 9'000'000;
  EXPECT_GT(Compare(before, now).bytes, 8'000'000);
}

TEST(LifeCompare, ConnectionsCountByteForByte) {
  EXPECT_EQ(After([](TreeLife& now) { now.connections[7] = {10, 0, 10, 0}; }).bytes, 10);
  TreeLife before = Tree({Process(10)}), now = Tree({Process(10)}, Millis{1'000});
  before.connections[7] = {5'000, 200, 5, 1};
  EXPECT_EQ(Compare(before, now).bytes, 0) << "one that was closed";
  now.connections[7] = {5'001, 200, 6, 1};
  EXPECT_EQ(Compare(before, now).bytes, 1) << "a slow download";
  now.connections[7] = {5'300, 350, 6, 2};
  EXPECT_EQ(Compare(before, now).bytes, 450) << "a small page";
  now.connections[7] = {5'006, 210, 6, 2};
  EXPECT_EQ(Compare(before, now).bytes, 0) << "a connection that is kept alive";
}

TEST(LifeCompare, APageOnAConnectionNobodySawIsInferred) {
  auto ran = [](std::int64_t cpu, bool runs, bool readable = true, std::int64_t output = 0) {
    return [=](TreeLife& now) {
      now.processes[0].cpu = cpu;
      now.processes[0].runs = runs;
      now.processes[0].readable = readable;
      now.output = output;
    };
  };
  EXPECT_TRUE(After(ran(2 * kMs, false), true).worked);
  EXPECT_FALSE(After(ran(2 * kMs, false)).worked) << "no connection ended";
  EXPECT_FALSE(After(ran(900 * kMs, false), true).worked) << "a busy loop";
  EXPECT_FALSE(After(
                   [&](TreeLife& now) {
                     ran(2 * kMs, false)(now);
                     now.processes[0].child_faults = 100;
                   },
                   true)
                   .worked)
      << "it started a program";
  EXPECT_FALSE(After(ran(2 * kMs, true), true).worked) << "it runs on";
  EXPECT_FALSE(After(ran(kMs / 10, false), true).worked) << "an idle event loop";
  EXPECT_FALSE(After(ran(kMs, false, true, 100), true).worked) << "it only wrote a line";
  EXPECT_TRUE(After(ran(2 * kMs, false, false)).worked) << "its bytes are hidden from us";
}

TEST(LifeCompare, APageCountsWhenItRestsLaterThanItsConnectionEnds) {
  TreeLife before = Tree({Process(10)}), between = Tree({Process(10)}, Millis{1'000});
  between.processes[0].cpu = 2 * kMs;
  between.processes[0].runs = between.closed = true;
  EXPECT_FALSE(Compare(before, between).worked);
  TreeLife now = Tree({Process(10)}, Millis{2'000});
  now.processes[0].cpu = 4 * kMs;
  now.closed = between.closed;
  EXPECT_TRUE(Compare(between, now).worked);
  EXPECT_FALSE(now.closed) << "it counts once";
}

TEST(LifeCompare, AServerThatLooksLateAsksForNoLessWorkPerSecond) {
  TreeLife before = Tree({Process(10)}), now = Tree({Process(10)}, Millis{4'000});
  now.closed = true;
  now.processes[0].cpu = 3 * kMs;
  EXPECT_TRUE(Compare(before, now).worked);
  now.closed = true;
  now.processes[0].cpu = kMs;
  EXPECT_FALSE(Compare(before, now).worked);
}

TEST(ProcessLife, OwnFiguresAreReadable) {
  auto before = os::ReadProcessLife(getpid());
  ASSERT_TRUE(before);
  EXPECT_TRUE(before->readable);
  EXPECT_EQ(before->parent, getppid());
  EXPECT_GT(before->born, 0u);
  EXPECT_GT(before->cpu, 0);
  EXPECT_GT(before->read, 0);
  EXPECT_FALSE(os::ReadProcessLife(0));
  EXPECT_FALSE(os::CpuTime(4'194'303));
}

TEST(LifeReader, LeavesAReaderBehindThatDoesNotComeBack) {
  auto loop = os::EventLoop::Make();
  std::promise<void> released;
  std::shared_future<void> release = released.get_future().share();
  std::atomic<int> back = 0;
  LifeReader reader(
      *loop,
      [release, &back](const std::vector<TreeToRead>& wanted, const Began& began) {
        for (const TreeToRead& one : wanted) {
          began(one.id);
          if (one.id == 2) release.wait();
        }
        ++back;
        return std::vector<TreeRead>{{wanted.front().id, {}, {}}};
      },
      Millis{100});
  std::uint64_t stuck = 0, read = 0;
  auto ask = [&](std::vector<std::uint64_t> ids) {
    std::vector<TreeToRead> wanted;
    for (std::uint64_t id : ids) wanted.push_back({id, 0, {}});
    stuck = read = 0;
    bool begun = reader.Read(
        std::move(wanted),
        [&](std::vector<TreeRead> trees) {
          read = trees.front().id;
          loop->Stop();
        },
        [&](std::uint64_t id) {
          stuck = id;
          loop->Stop();
        });
    if (begun) loop->Run();
    return begun;
  };
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(ask({1, 2, 3}));
    EXPECT_EQ(stuck, 2u);
    if (i == 3) break;
    ASSERT_TRUE(ask({1, 3})) << "the next one is not held up";
    EXPECT_EQ(read, 1u);
  }
  EXPECT_FALSE(ask({1})) << "no more threads than that";
  released.set_value();
  auto late = os::BootTime() + std::chrono::seconds(5);
  while (back < 7 && os::BootTime() < late) std::this_thread::yield();
  while (!ask({1}) && os::BootTime() < late) std::this_thread::yield();
  EXPECT_EQ(read, 1u) << "they came back";
}

struct Connection {
  os::Descriptor listener, client, server;
};

Connection Connect() {
  Connection made{os::Descriptor(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
                  os::Descriptor(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
                  {}};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* general = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(bind(made.listener.get(), general, sizeof address), 0);
  EXPECT_EQ(listen(made.listener.get(), 4), 0);
  EXPECT_EQ(getsockname(made.listener.get(), general, &size), 0);
  EXPECT_EQ(connect(made.client.get(), general, sizeof address), 0);
  made.server = os::Descriptor(accept(made.listener.get(), nullptr, nullptr));
  return made;
}

os::TcpBytes BytesOf(const os::Descriptor& socket) {
  auto life = os::ReadProcessLife(getpid());
  std::unordered_map<std::uint64_t, os::TcpBytes> wanted;
  struct Name {
    char text[64];
  } name{};
  std::string link = "/proc/self/fd/" + std::to_string(socket.get());
  EXPECT_GT(readlink(link.c_str(), name.text, sizeof name.text - 1), 0);
  std::uint64_t inode = std::stoull(std::string(name.text).substr(8));
  EXPECT_NE(std::ranges::find(life->sockets, inode), life->sockets.end());
  wanted.try_emplace(inode);
  os::TcpDump dump = os::DumpTcp(wanted);
  EXPECT_TRUE(dump.complete);
  return dump.connections.at(inode);
}

TEST(TcpBytes, AreCountedOnBothSidesAndAConnectionItselfIsNone) {
  Connection connection = Connect();
  os::TcpBytes idle = BytesOf(connection.client);
  EXPECT_EQ(idle.received + idle.sent, 0);
  ASSERT_EQ(send(connection.server.get(), "hello", 5, 0), 5);
  char got[8];
  ASSERT_EQ(recv(connection.client.get(), got, sizeof got, 0), 5);
  EXPECT_EQ(BytesOf(connection.client).received, 5);
  EXPECT_EQ(BytesOf(connection.client).parts_received, 1);
  EXPECT_EQ(BytesOf(connection.server).sent, 5);
  ASSERT_EQ(send(connection.client.get(), "hi", 2, 0), 2);
  EXPECT_EQ(BytesOf(connection.server).received, 2);
}

TEST(ClosedTcp, TellsOfTheEndOfAConnectionThatMovedBytes) {
  Connection connection = Connect();
  os::ClosedTcp ours;  // we listen on its port ourselves
  connection.listener.Close();
  os::ClosedTcp others;
  ASSERT_EQ(send(connection.server.get(), "hello", 5, 0), 5);
  char got[8];
  ASSERT_EQ(recv(connection.client.get(), got, sizeof got, 0), 5);
  connection.server.Close();
  connection.client.Close();
  bool told = false;
  auto late = os::BootTime() + std::chrono::seconds(5);
  while (!told && os::BootTime() < late) told = others.Take();
  EXPECT_TRUE(told);
  EXPECT_FALSE(ours.Take());
}

}  // namespace
}  // namespace forager::supervisor
