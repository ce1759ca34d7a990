#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "os/child_process.h"
#include "os/lock_file.h"
#include "os/proc_files.h"
#include "os/quiet_calls.h"
#include "os/socket_messages.h"

namespace forager::os {
namespace {

using std::chrono::seconds;

TEST(ChildProcess, DiesWithAllOfItsNamespace) {
  Isolation isolation = ProbeIsolation();
  if (isolation == Isolation::kNone) GTEST_SKIP() << "no PID namespaces here";
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  auto child = ForkInto(isolation);
  ASSERT_TRUE(child);
  if (child->pid == 0) {
    if (fork() == 0) {
      setsid();
      if (write(ends[1], "x", 1) != 1) _exit(1);
    }
    while (true) pause();
  }
  close(ends[1]);
  char c;
  ASSERT_EQ(read(ends[0], &c, 1), 1);
  EXPECT_EQ(Descendants(child->pid).size(), 1u);
  EXPECT_FALSE(HasEnded(child->pidfd));
  EXPECT_TRUE(SendSignal(child->pidfd, SIGKILL));
  ASSERT_TRUE(WaitEnded(child->pidfd, seconds(10)));
  EXPECT_EQ(read(ends[0], &c, 1), 0) << "its child held the pipe: it is gone, too";
  auto reaped = Reap(child->pidfd);
  ASSERT_TRUE(reaped);
  EXPECT_EQ(WTERMSIG(reaped->status), SIGKILL);
  close(ends[0]);
}

// What a shared child saw and did, in the memory of both.
struct Shared {
  SharedStack stack;
  bool go_on = false;
  int seen = 0;
};

int RunShared(void* argument) {
  auto* shared = static_cast<Shared*>(argument);
  shared->seen = 1;
  if (!shared->go_on) quiet::Exit(3);
  LetParentGoOn(shared->stack);
  while (true) quiet::WaitSignal();
}

TEST(SharedProcess, ItsParentGoesOnWhenItSaysSoOrEnds) {
  for (bool go_on : {true, false}) {
    auto shared = std::make_unique<Shared>();
    shared->go_on = go_on;
    auto child = StartSharing(shared->stack, RunShared, shared.get());
    if (!child) GTEST_SKIP() << "no memory is shared here: " << child.error();
    EXPECT_EQ(shared->seen, 1);
    if (go_on) {
      EXPECT_FALSE(HasEnded(child->pidfd));
      SendSignal(child->pidfd, SIGKILL);
    }
    ASSERT_TRUE(WaitEnded(child->pidfd, std::chrono::seconds(10)));
    auto reaped = Reap(child->pidfd);
    ASSERT_TRUE(reaped);
    EXPECT_EQ(reaped->status, go_on ? SIGKILL : 3 << 8);
  }
}

TEST(ChildProcess, AFailedExecIsAnErrorOfTheStart) {
  auto pair = MakeMessagePair();
  ASSERT_TRUE(pair);
  auto child = StartProgram({"/no/such/program", {"program"}, {}, pair->second.get()});
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error(), ENOENT);
}

TEST(ChildProcess, ItsWholeTreeIsKilled) {
  Program program;
  program.path = "/bin/sh";
  // A child, one in a session of its own, and one without parent or session.
  program.argv = {"sh", "-c",
                  "sleep 300 & setsid sleep 300 & (setsid sleep 300 &) ; env -i sleep 300 & wait"};
  program.environment = {"PATH=/usr/bin:/bin", "FORAGER_TREE=of-this-test"};
  auto child = StartProgram(program);
  ASSERT_TRUE(child);
  auto all = [&] {
    auto pids = Descendants(child->pid);
    for (pid_t pid : FindByEnvironment("FORAGER_TREE=of-this-test")) pids.push_back(pid);
    std::ranges::sort(pids);
    pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
    return pids;
  };
  auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (all().size() < 5 && std::chrono::steady_clock::now() < deadline) sched_yield();
  auto pids = all();
  ASSERT_EQ(pids.size(), 5u);
  EXPECT_TRUE(KillTree(*child, "FORAGER_TREE=of-this-test", std::chrono::seconds(5)));
  EXPECT_TRUE(Reap(child->pidfd));
  EXPECT_TRUE(FindByEnvironment("FORAGER_TREE=of-this-test").empty());
  for (pid_t pid : pids) {
    std::string state = ReadSmallFile("/proc/" + std::to_string(pid) + "/stat");
    auto name = state.rfind(") ");
    EXPECT_TRUE(name == state.npos || state[name + 2] == 'Z') << state;
  }
}

TEST(ChildProcess, AProgramGetsOnlyItsSocketAndItsEnvironment) {
  auto pair = MakeMessagePair();
  ASSERT_TRUE(pair);
  auto child = StartProgram({"/bin/sh",
                             {"sh", "-c",
                              "[ \"$ONLY\" = this ] && [ -z \"$HOME\" ] && [ -S /proc/self/fd/3 ] "
                              "&& [ ! -e /proc/self/fd/5 ]"},
                             {"ONLY=this"},
                             pair->second.get()});
  ASSERT_TRUE(child);
  ASSERT_TRUE(WaitEnded(child->pidfd, seconds(10)));
  EXPECT_EQ(Reap(child->pidfd)->status, 0);
}

TEST(SocketMessages, CarryBytesDescriptorsAndTheSender) {
  auto pair = MakeMessagePair();
  ASSERT_TRUE(pair);
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  Descriptor read_end(ends[0]), write_end(ends[1]);
  int numbers[] = {write_end.get()};
  EXPECT_EQ(Send(pair->first.get(), "hello", numbers), Sent::kDone);
  Message message;
  ASSERT_EQ(Receive(pair->second.get(), message), Received::kMessage);
  EXPECT_EQ(message.bytes, "hello");
  EXPECT_EQ(message.sender_pid, getpid());
  ASSERT_EQ(message.descriptors.size(), 1u);
  EXPECT_TRUE(fcntl(message.descriptors[0].get(), F_GETFD) & FD_CLOEXEC);
  EXPECT_EQ(Receive(pair->second.get(), message), Received::kNothing);
  pair->first.Close();
  EXPECT_EQ(Receive(pair->second.get(), message), Received::kClosed);
  EXPECT_EQ(Send(pair->second.get(), "x"), Sent::kClosed);
}

TEST(SocketMessages, AFullSocketSaysSo) {
  auto pair = MakeMessagePair();
  ASSERT_TRUE(pair);
  std::string bytes(10'000, 'x');
  int sent = 0;
  while (sent < 10'000 && Send(pair->first.get(), bytes) == Sent::kDone) ++sent;
  EXPECT_LT(sent, 10'000);
  EXPECT_EQ(Send(pair->first.get(), bytes), Sent::kFull);
}

TEST(LockFile, IsHeldByEveryCopyOfTheDescriptor) {
  std::string path = std::filesystem::temp_directory_path() / "forager-lock-XXXXXX";
  close(mkstemp(path.data()));
  auto held = OpenLockFile(path), looking = OpenLockFile(path);
  ASSERT_TRUE(held && looking);
  EXPECT_TRUE(LockShared(*held, 7));
  EXPECT_TRUE(IsLocked(*looking, 7));
  EXPECT_FALSE(IsLocked(*looking, 8));
  EXPECT_TRUE(IsLockedAnywhere(*looking));
  Descriptor copy(dup(held->get()));
  held->Close();
  EXPECT_TRUE(IsLocked(*looking, 7));
  copy.Close();
  EXPECT_FALSE(IsLockedAnywhere(*looking));
  std::filesystem::remove(path);
}

TEST(ProcFiles, NamesOpenConnections) {
  Descriptor listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(listener.get(), 1), 0);
  socklen_t size = sizeof address;
  ASSERT_EQ(getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  Descriptor client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  std::string port = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  auto sockets = OpenSockets(getpid());
  auto shows = [&](const std::string& text) {
    return std::any_of(sockets.begin(), sockets.end(), [&](const std::string& socket) {
      return socket.find(text) != std::string::npos;
    });
  };
  EXPECT_TRUE(shows("-> " + port + " ESTABLISHED"));
  EXPECT_TRUE(shows("tcp " + port));
}

TEST(ProcFiles, SeesAProcessAsItIs) {
  ProcessView view = ViewProcess(getpid());
  EXPECT_EQ(view.pid, getpid());
  EXPECT_EQ(view.name, "os_test");
  EXPECT_TRUE(view.state.starts_with("R"));
  EXPECT_EQ(ReadSmallFile("/no/such/file"), "");
}

}  // namespace
}  // namespace forager::os
