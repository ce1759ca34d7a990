// What a look at the processes of an attempt saw since the look before it. Made by LifeLook, judged
// by AttemptClocks.
#pragma once

#include <chrono>
#include <cstdint>

#include "os/clock.h"

namespace forager::supervisor {

struct LifeSigns {
  os::Steady since{}, at{};  // equal: the first look, with nothing to compare
  std::chrono::nanoseconds cpu{0};
  std::int64_t bytes = 0;  // read, written, received and sent
  // Its bytes were not seen, but it worked for a moment: it is given credit for that.
  bool worked = false;

  bool first() const { return since >= at; }
};

}  // namespace forager::supervisor
