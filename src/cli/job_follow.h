// Following one job to its end: a live bar on a terminal, plain lines elsewhere, its log on wish.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "cli/client.h"

namespace forager::cli {

struct FollowOptions {
  std::string job_id;
  bool logs = false;
  bool progress = true;
  bool start = false;  // start it when it is pending, as soon as there is a slot
  std::optional<std::chrono::milliseconds> limit;
};
// Returns the exit code that tells how the job ended. The end of this program is not the job's.
int FollowJob(Client& client, const FollowOptions& options);

// "90s", "10m"; "" is none.
Result<std::optional<std::chrono::milliseconds>> ParseLimit(const std::string& text);

}  // namespace forager::cli
