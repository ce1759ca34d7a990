// The directories of attempts: DATA_DIR/scratch/<job>-<attempt>, which goes with the attempt, and
// DATA_DIR/state/<job>, which its next attempt finds as it was left. Called by the keeper.
// Removal never keeps it waiting: what may take long is done by a process of its own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "os/sandbox.h"

namespace forager::supervisor {

// Puts aside what earlier keepers left, to be removed meanwhile. errno values, 0 = done.
int TakeScratchRoot(const std::string& data_dir, std::uint32_t generation);
int MakeScratch(const std::string& path, const std::optional<os::User>& owner);
void RemoveScratch(const std::string& path);

// Also when it is there already.
int MakeState(const std::string& data_dir, const std::string& job_id,
              const std::optional<os::User>& owner);
std::string StatePath(const std::string& data_dir, const std::string& job_id);
// After an attempt: an empty one is not kept.
void LeaveState(const std::string& data_dir, const std::string& job_id);
void RemoveState(const std::string& data_dir, const std::string& job_id);
// For the server: whose there are, to a bound.
std::vector<std::string> JobsWithState(const std::string& data_dir);

}  // namespace forager::supervisor
