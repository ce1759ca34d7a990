#include "os/signal_reader.h"

#include <sys/signalfd.h>
#include <unistd.h>

namespace forager::os {

SignalReader::SignalReader(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : signals) sigaddset(&set, signal);
  pthread_sigmask(SIG_BLOCK, &set, &before_);
  fd_ = Descriptor(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

SignalReader::~SignalReader() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

int SignalReader::Next() {
  signalfd_siginfo info{};
  if (read(fd_.get(), &info, sizeof info) != sizeof info) return 0;
  return static_cast<int>(info.ssi_signo);
}

void StopSelf() { raise(SIGSTOP); }

}  // namespace forager::os
