// When the next request may go to a host: one request at a time and host, so far apart as the
// setting, the host's Crawl-delay and its slowness ask. An attempt asks its server, which keeps one
// budget for all attempts; a command line without a server keeps its own pace.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "job/time.h"
#include "os/clock.h"

namespace forager::collectors {

struct TurnWish {
  std::string host;    // host[:port]
  Millis interval{0};  // the smallest gap the host seems to need; 0: not known yet
};
struct NoTurn {
  std::string why;
  std::optional<Millis> retry_after;
};

// Waits for the turn; nothing: the request may go. Says that the loop lives while it waits.
using TakeTurn = std::function<std::optional<NoTurn>(const TurnWish&)>;

// Turns of this process alone.
class OwnPace {
 public:
  explicit OwnPace(Millis host_interval) : host_interval_(host_interval) {}
  std::optional<NoTurn> operator()(const TurnWish& wish);

 private:
  Millis host_interval_;
  std::map<std::string, os::Steady> last_;  // by host
};

}  // namespace forager::collectors
