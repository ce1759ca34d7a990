#include "os/stray_processes.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace forager::os {
namespace {

constexpr unsigned kLife = 3600;

[[noreturn]] void Stay() {
  signal(SIGTERM, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  alarm(kLife);
  while (true) pause();
}

bool StartDaemon() {
  pid_t between = fork();
  if (between < 0) return false;
  if (between == 0) {
    setsid();
    if (fork() == 0) Stay();
    _exit(0);
  }
  return waitpid(between, nullptr, 0) == between;
}

}  // namespace

bool StartStrayProcesses(int children) {
  for (int i = 0; i < children; ++i) {
    pid_t child = fork();
    if (child < 0) return false;
    if (child == 0) {
      if (i == 0) fork();  // and its child stays, too
      Stay();
    }
  }
  return StartDaemon();
}

}  // namespace forager::os
