// A last act before a signal ends this process: for a program that has changed what outlives it,
// such as its terminal. The only handler function there is; the server has none.
#pragma once

namespace forager::os {

// While it lives, `act` is called once when a signal is about to end the process, a crash or one
// that nobody reads; then the signal takes its usual effect. One at a time. `act` must be
// async-signal-safe.
class LastAct {
 public:
  explicit LastAct(void (*act)());
  LastAct(const LastAct&) = delete;
  LastAct& operator=(const LastAct&) = delete;
  ~LastAct();
};

}  // namespace forager::os
