// What `forager doctor` cannot ask a server, because it may be down: answered by the parts of this
// program that know, and handed in by `app`, so that the client itself has no access to the store.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "job/error.h"
#include "job/time.h"

namespace forager::cli {

// The settings a server on this machine would start with.
struct LocalSettings {
  std::string config_file;  // "" when there is none
  std::string data_dir;
  std::string database;       // sqlite:PATH, or another kind's address without its password
  std::string database_file;  // of SQLite; "" for others
  std::string log_file;
  std::string listen;
  std::string run_as;
  int max_running = 1;
  int max_connections = 3'000;
  // Entity type and program of collectors that are commands.
  std::vector<std::pair<std::string, std::string>> commands;
};

struct RunningRow {
  std::string job_id;
  int attempt = 0;
  bool claimed = false;  // by a server, not set by hand
  std::optional<WallTime> started_at;
  std::optional<int> pid;
};

struct DatabaseReport {
  std::string damage;    // "" when whole; else what the database itself says
  bool complete = true;  // false: the look took too long and stopped
  int schema_version = 0;
  int known_version = 0;           // the newest that this program knows
  std::optional<WallTime> newest;  // when the newest job was made
  std::vector<RunningRow> running;
};

// How many attempts at once one of the machine's limits allows.
struct Ceiling {
  std::string limit;
  std::int64_t attempts = 0;
  std::string advice;  // how it is raised
};

struct Machine {
  // "" is not given.
  std::function<Result<LocalSettings>(const std::string& data_dir, const std::string& config)>
      settings;
  std::function<Result<DatabaseReport>(const LocalSettings&, bool thorough)> look_at_database;
  // What holds attempts here: yes, or no and why.
  std::function<std::map<std::string, std::string>()> sandbox;
  // Living processes of this data directory's attempts, whoever started them.
  std::function<std::vector<int>(const std::string& data_dir)> attempt_processes;
  // The narrowest first; of the server with that pid, or of one that would be started here (0).
  std::function<std::vector<Ceiling>(int server_pid, int max_connections)> ceilings;
};

}  // namespace forager::cli
