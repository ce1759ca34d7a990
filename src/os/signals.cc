#include "os/signals.h"

#include <signal.h>
#include <time.h>

#include <cerrno>

namespace forager::os {

void ResetSignals() {
  struct sigaction standard{};
  standard.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) sigaction(signal, &standard, nullptr);
  sigset_t none;
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

void BlockStopSignals() {
  sigset_t stops;
  sigemptyset(&stops);
  for (int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&stops, signal);
  pthread_sigmask(SIG_BLOCK, &stops, nullptr);
}

int WaitSignal(std::chrono::milliseconds limit) {
  sigset_t all;
  sigfillset(&all);
  timespec time{limit.count() / 1000, limit.count() % 1000 * 1'000'000};
  int signal = sigtimedwait(&all, nullptr, &time);
  return signal > 0 ? signal : 0;
}

int WaitSignal() {
  sigset_t all;
  sigfillset(&all);
  int signal = sigwaitinfo(&all, nullptr);
  return signal > 0 ? signal : 0;
}

void IgnoreBrokenPipes() { signal(SIGPIPE, SIG_IGN); }

}  // namespace forager::os
