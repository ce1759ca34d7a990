// A lock that lives as long as any process that inherited its descriptor: how a server proves that
// nothing of an earlier keeper is left. Locks are bytes of one file, one byte per keeper.
#pragma once

#include <cstdint>
#include <expected>
#include <string>

#include "os/descriptor.h"

namespace forager::os {

// Opens (or makes) the file. Errors are errno values.
std::expected<Descriptor, int> OpenLockFile(const std::string& path);
// Shared, at once; held until the last copy of the descriptor is closed.
bool LockShared(const Descriptor& file, std::uint32_t byte);
// Whether somebody else holds the byte.
bool IsLocked(const Descriptor& file, std::uint32_t byte);
// Whether somebody else holds any byte.
bool IsLockedAnywhere(const Descriptor& file);

}  // namespace forager::os
