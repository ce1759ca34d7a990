// Looks at something of the server's again and again: at once when its events say that it changed,
// else every few seconds; and at signals and keys all the while. One thread. Survives the server's
// restart: `look` decides how long.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "cli/client.h"

namespace forager::cli {

struct LiveOptions {
  std::string types = "job";                  // events that matter
  std::string job_id;                         // "": of all jobs
  std::chrono::milliseconds interval{2'000};  // without an event
  std::chrono::milliseconds least{100};       // between two looks
  std::optional<std::chrono::milliseconds> limit;
  // Takes the keyboard: every byte that comes; false ends.
  std::function<bool(std::string_view)> on_keys;
  std::function<void()> on_resize;
  std::function<void(bool leave)> on_stop;  // Ctrl-Z: leave the screen, and take it again
};

struct LiveEnd {
  int signal = 0;       // that ended it
  bool in_time = true;  // false: `limit` was over
};

// Calls `look` until it says false.
LiveEnd WatchLive(Client& client, const LiveOptions& options, const std::function<bool()>& look);

// How long the server has not been answering, and when that is too long.
class Patience {
 public:
  // True while it is worth going on after this error.
  bool Bears(const Error& error);
  void Reset() { since_.reset(); }
  bool lost() const { return since_.has_value(); }

 private:
  std::optional<os::Steady> since_;
};

}  // namespace forager::cli
