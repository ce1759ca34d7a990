#include "os/fatal_signals.h"

#include <signal.h>

#include <atomic>
#include <cassert>

namespace forager::os {
namespace {

struct Fatal {
  int signal;
  struct sigaction before {};
};
Fatal fatal[] = {{SIGHUP},  {SIGINT},  {SIGQUIT}, {SIGILL},  {SIGTRAP}, {SIGABRT},
                 {SIGBUS},  {SIGFPE},  {SIGUSR1}, {SIGSEGV}, {SIGUSR2}, {SIGALRM},
                 {SIGTERM}, {SIGXCPU}, {SIGXFSZ}, {SIGSYS}};

std::atomic<void (*)()> last_act;
static_assert(decltype(last_act)::is_always_lock_free);

// The signal is blocked in here: raised again, it comes on the way out, with what was set before.
void Handle(int signal) {
  if (auto act = last_act.exchange(nullptr)) act();
  for (const Fatal& each : fatal) {
    if (each.signal == signal) sigaction(signal, &each.before, nullptr);
  }
  raise(signal);
}

}  // namespace

LastAct::LastAct(void (*act)()) {
  [[maybe_unused]] auto other = last_act.exchange(act);
  assert(!other && "there is one last act");
  struct sigaction action {};
  action.sa_handler = Handle;
  sigfillset(&action.sa_mask);
  for (Fatal& each : fatal) {
    sigaction(each.signal, nullptr, &each.before);
    if (each.before.sa_handler != SIG_IGN) sigaction(each.signal, &action, nullptr);
  }
}

LastAct::~LastAct() {
  for (const Fatal& each : fatal) sigaction(each.signal, &each.before, nullptr);
  last_act = nullptr;
}

}  // namespace forager::os
