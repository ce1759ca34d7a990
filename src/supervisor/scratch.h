// The scratch directories of attempts, DATA_DIR/scratch/<job>-<attempt>. Called by the keeper.
// Removal never keeps it waiting: what may take long is done by a process of its own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "os/sandbox.h"

namespace forager::supervisor {

// Puts aside what earlier keepers left, to be removed meanwhile. errno values, 0 = done.
int TakeScratchRoot(const std::string& data_dir, std::uint32_t generation);
int MakeScratch(const std::string& path, const std::optional<os::User>& owner);
void RemoveScratch(const std::string& path);

}  // namespace forager::supervisor
