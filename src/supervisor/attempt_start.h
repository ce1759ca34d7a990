// What an attempt is started with: the command that runs, its environment, the input it reads.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "supervisor/supervisor.h"

namespace forager::supervisor {

// Ids stand in a table that a person may edit, and become names of directories.
bool MayNameFiles(const std::string& job_id);

// The settings of the collectors as one JSON object.
std::string SettingsJson(const std::map<std::string, std::string>& settings);

// A built-in collector gets its settings with the job; a command the job alone.
std::string InputOf(const AttemptSpec& spec, const std::string& settings_json);

struct Words {
  std::vector<std::string> command;      // none for a built-in collector
  std::vector<std::string> environment;  // NAME=VALUE
  bool without_job = false;              // FORAGER_JOB had no room
};
// Or why it cannot be started: more than fits is invalid, however often it is tried.
std::expected<Words, NotStarted> WordsOf(const AttemptSpec& spec);

}  // namespace forager::supervisor
