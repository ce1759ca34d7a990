// Turns at hosts, asked of the server over the attempt's pipes (collectors/turns.h).
#pragma once

#include <cstdint>

#include "collectors/turns.h"
#include "worker/input_lines.h"
#include "worker/worker.h"

namespace forager::worker {

class ServerTurns {
 public:
  ServerTurns(InputLines& input, EventWriter& out) : input_(input), out_(out) {}

  // Says a heartbeat at least every kPulse while it waits.
  std::optional<collectors::NoTurn> Take(const collectors::TurnWish& wish);

 private:
  void Wait(Millis wait);

  InputLines& input_;
  EventWriter& out_;
  std::int64_t last_id_ = 0;
};

}  // namespace forager::worker
