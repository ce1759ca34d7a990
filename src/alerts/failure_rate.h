// How many jobs of each type completed and failed in the last while, by the minute. Bounded: types
// beyond the first 200 are counted together.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "os/clock.h"

namespace forager::alerts {

class FailureRate {
 public:
  void Count(const std::string& entity_type, bool failed, os::Steady now);

  struct Sum {
    std::int64_t ended = 0, failed = 0;
    double ratio() const {
      return ended == 0 ? 0 : static_cast<double>(failed) / static_cast<double>(ended);
    }
  };
  // The types that had an end within `window`.
  std::map<std::string, Sum> Within(std::chrono::milliseconds window, os::Steady now) const;

 private:
  struct Minute {
    std::int64_t number = 0;
    Sum sum;
  };
  std::map<std::string, std::deque<Minute>> types_;
};

}  // namespace forager::alerts
