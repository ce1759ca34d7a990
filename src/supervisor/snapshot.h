// What a silent or stalled attempt is doing, taken before it is killed.
#pragma once

#include <sys/types.h>

#include <boost/json.hpp>
#include <future>
#include <string>

#include "supervisor/attempt_clocks.h"

namespace forager::supervisor {

class Snapshots {
 public:
  // A JSON object. `collector` and what runs below it; at most half a second. While the kernel lets
  // an earlier one wait for a process, none is asked about.
  std::string Take(pid_t collector, const AttemptClocks& clocks, os::Steady now);

 private:
  boost::json::object ReadInTime(pid_t collector);

  std::future<boost::json::object> read_;
};

}  // namespace forager::supervisor
