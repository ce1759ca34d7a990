// The wall clock of the server. It runs with the steady clock, so that a system clock that is set
// changes nothing by itself. With one database for several servers it is set by the database's;
// alone, ClockKeeper has it follow the system's: small steps at once, and a jump together with
// everything that waits or is under way, in one transaction.
#pragma once

#include <atomic>
#include <functional>

#include "job/time.h"
#include "os/clock.h"
#include "scheduler/store_calls.h"

namespace forager::app {

class ServerClock final : public os::Clock {
 public:
  ServerClock();
  os::Wall Now() const override;
  os::Steady SteadyNow() const override;
  // Back by less than a second: it stands still for so long, so that what is told apart by its time
  // keeps its order.
  void Move(Millis by);
  // Between the two clocks.
  Millis offset() const { return Millis(offset_.load()); }
  void SetOffset(Millis offset) { Move(offset - this->offset()); }
  // How far the system's wall clock is ahead of this one.
  Millis Behind() const;

 private:
  std::atomic<std::int64_t> offset_;
  mutable std::atomic<std::int64_t> latest_{0};  // that was told, since the last jump
};

class ClockKeeper {
 public:
  // `moved` after a jump, on the event loop.
  ClockKeeper(ServerClock& clock, scheduler::StoreCalls& calls, std::function<void(Millis)> moved);
  void Look();
  // As if the clock had been set now, when it was set while no server ran, since the machine's
  // start. Whether it was, or was not long ago.
  Result<bool> Resume(store::StoreService& store);

 private:
  void Note();

  ServerClock& clock_;
  scheduler::StoreCalls& calls_;
  std::function<void(Millis)> moved_;
  bool moving_ = false;
  Millis noted_{0};  // the offset that is stored
};

}  // namespace forager::app
