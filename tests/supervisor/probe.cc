#include "tests/supervisor/probe.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/supervisor/supervisor_fixture.h"
#include "worker/worker.h"

namespace forager::supervisor {
namespace {

std::string Outcome(long result) { return result < 0 ? std::strerror(errno) : "allowed"; }

std::string Open(const char* path, int flags) {
  int fd = open(path, flags, 0600);
  std::string outcome = Outcome(fd);
  if (fd >= 0) close(fd);
  return outcome;
}

std::string Descriptors() {
  std::string all;
  for (int fd = 0; fd < 1024; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0) all += std::to_string(fd) + " ";
  }
  return all;
}

}  // namespace

void PrepareProbe() { worker::Warm(); }

int RunProbeOrAttempt(const std::string& collector, int in_fd, int out_fd) {
  if (collector != "probe") return worker::RunAttempt(collector, in_fd, out_fd);
  worker::EventWriter out(out_fd);
  auto say = [&](const std::string& what, const std::string& outcome) {
    LogEvent log;
    log.message = what + ": " + outcome;
    out.Write(log);
  };
  char job[4096];
  ssize_t got = read(in_fd, job, sizeof job);
  say("job", std::string(job, got > 0 ? static_cast<std::size_t>(got) : 0));
  say("descriptors", Descriptors());
  say("ptrace", Outcome(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr)));
  say("unshare", Outcome(unshare(CLONE_NEWUSER)));
  say("mount", Outcome(mount("none", "/mnt", "tmpfs", 0, nullptr)));
  char* argv[] = {const_cast<char*>("/bin/true"), nullptr};
  say("exec", Outcome(execve(argv[0], argv, environ)));
  say("bpf", Outcome(syscall(SYS_bpf, 0, nullptr, 0)));
  say("secret", Open("../../secret", O_RDONLY));
  say("proc", Open("/proc/1/environ", O_RDONLY));
  say("etc", Open("/etc/passwd", O_RDONLY));
  say("write outside", Open("/tmp/forager-probe", O_WRONLY | O_CREAT));
  say("write scratch", Open("file", O_WRONLY | O_CREAT));
  say("directory", getenv("TMPDIR") ? getenv("TMPDIR") : "none");
  say("nice", std::to_string(getpriority(PRIO_PROCESS, 0)));
  say("no new privileges", std::to_string(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)));
  say("user", std::to_string(geteuid()));
  say("pid", std::to_string(getpid()));
  ResultEvent result;
  result.completed = true;
  out.Write(result);
  return 0;
}

int RunServerUntilKilled(const char* data_dir) {
  auto loop = os::EventLoop::Make();
  Witness witness(*loop);
  auto supervisor = Supervisor::Make(*loop, os::SystemClock(), {data_dir, "", {}, {}}, witness);
  if (!supervisor) return 1;
  for (int i = 1; i <= 3; ++i) (*supervisor)->Start(SelfTest(i == 1 ? "tree" : "busy_loop", i));
  witness.Until([&] {
    return witness.Said(Ref(1), "leaving processes behind") && witness.started.size() == 3;
  });
  if (write(1, "ready\n", 6) != 6) return 1;
  loop->Run();
  return 0;
}

}  // namespace forager::supervisor
