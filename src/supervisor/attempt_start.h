// What an attempt is started with: the command that runs and the input it reads.
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

// The words to execute, none for a built-in collector; or why they cannot be.
std::expected<std::vector<std::string>, NotStarted> CommandOf(const AttemptSpec& spec);

}  // namespace forager::supervisor
