// What a dead server may have left of its data directory's attempts: processes. Asked by the
// supervisor before it starts its first keeper, so that no older attempt can be alive after.
#pragma once

#include <chrono>
#include <string>

#include "job/error.h"

namespace forager::supervisor {

// NAME=value that every process of this data directory's attempts carries in its environment.
std::string LeftoverMarker(const std::string& data_dir);

// Kills processes of earlier servers until none is left, proven by the attempts' lock. The caller
// is the one server of the directory, or it would kill a living one's attempts. An error in words
// when none of them ended for so long as `limit`.
Result<void> ClearLeftovers(const std::string& data_dir, std::chrono::milliseconds limit);

}  // namespace forager::supervisor
