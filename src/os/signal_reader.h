// Signals as data for a program with one thread: blocked while this lives, read from a descriptor
// beside its other input. For the command line client; the server has its event loop.
#pragma once

#include <signal.h>

#include <initializer_list>

#include "os/descriptor.h"

namespace forager::os {

class SignalReader {
 public:
  explicit SignalReader(std::initializer_list<int> signals);
  SignalReader(const SignalReader&) = delete;
  SignalReader& operator=(const SignalReader&) = delete;
  ~SignalReader();  // signals still unread take their usual effect

  int fd() const { return fd_.get(); }
  int Next();  // the next signal; 0: none

 private:
  Descriptor fd_;
  sigset_t before_{};
};

// Stops this process as Ctrl-Z does; returns when it is continued.
void StopSelf();

}  // namespace forager::os
