// How often one address may be wrong about who it is. Buckets in memory, for a bounded number of
// addresses; those beyond share one. Who shows what is good is never held up by others of the
// address that do not: only what nobody has shown before is looked up within a limit.
#pragma once

#include <chrono>
#include <mutex>
#include <string>
#include <unordered_map>

#include "os/clock.h"

namespace forager::api {

class Guesses {
 public:
  // Whether the store may be asked about something unknown.
  bool MayLook(const std::string& address, os::Steady now);
  // It was wrong. `looked`: the store was asked. False: too often, do not even say that.
  bool Wrong(const std::string& address, os::Steady now, bool looked);
  // Whether a refusal gets a line in the log, so that nobody fills the disk with his own.
  bool MayLog(const std::string& address, os::Steady now);
  // When to come again.
  static constexpr std::chrono::seconds kComeAgain{5};

 private:
  struct Rate {
    double burst, per_second;
  };
  static constexpr Rate kAnswers{200, 10}, kLooks{500, 20}, kLines{100, 1};
  struct Bucket {
    double taken = 0;
    os::Steady at{};
    double Taken(const Rate& rate, os::Steady now) const;
    bool Take(const Rate& rate, os::Steady now);
  };
  struct Address {
    Bucket answers, looks, lines;
  };
  Address& Find(const std::string& address, os::Steady now);

  std::mutex mutex_;
  std::unordered_map<std::string, Address> addresses_;
  Address crowd_;  // of all for whom there was no room
  os::Steady swept_{};
};

}  // namespace forager::api
