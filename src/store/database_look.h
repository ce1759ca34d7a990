// A look at a database from outside, for `forager doctor`: is it whole, and what does it say runs?
// Reads only, whether a server has it or not.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "job/error.h"
#include "job/time.h"

namespace forager::store {

struct RunningLook {
  std::string job_id;
  int attempt = 0;
  bool claimed = false;  // by a server; else set by hand
  std::optional<WallTime> started_at;
  std::optional<int> pid;
};

struct DatabaseLook {
  std::string damage;    // "" when whole
  bool complete = true;  // false: `limit` was over before all was read
  int schema_version = 0;
  int known_version = 0;           // the newest of this program
  std::optional<WallTime> newest;  // when the newest job was made
  std::vector<RunningLook> running;
};

// An error when it cannot be opened at all. `thorough` compares indexes with their tables too.
Result<DatabaseLook> LookAtSqlite(const std::string& path, bool thorough, Millis limit);
Result<DatabaseLook> LookAtPostgres(const std::string& url);

}  // namespace forager::store
