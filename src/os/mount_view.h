// The file system as a command of the user's sees it: a mount namespace of its own, made by the
// attempt's process before it gives up its rights. The data directory is covered but for the
// attempt's scratch directory, files of the server are hidden or read-only, /tmp, /dev/shm, System
// V memory and /proc are the attempt's own. Functions return 0 or an errno value.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "os/child_process.h"
#include "os/sandbox.h"

namespace forager::os {

// The server's files that lie outside of its data directory, by their absolute paths.
struct ProtectedFiles {
  std::vector<std::string> hidden;
  std::vector<std::string> read_only;
};

struct MountView {
  std::string data_dir;  // canonical
  std::string scratch;   // in data_dir; stays at its path
  std::string state;     // as scratch; "": none
  const ProtectedFiles* files = nullptr;
  std::optional<User> user;        // who the attempt will be; none: who it is
  std::int64_t shared_memory = 0;  // bytes that /dev/shm may hold; 0: as the system has it
  std::vector<std::string> named;  // paths that must be seen if they lie in /tmp
};

// The folder of a scratch directory that is an attempt's /tmp.
inline constexpr const char* kOwnTmp = ".tmp";

// Whether a process so isolated may make mounts; else why not.
std::expected<void, std::string> ProbeMounts(Isolation isolation);
// Enters the view for good; the working directory is the scratch directory then.
int EnterMountView(const MountView& view);

// The first directory on the way to `path`, or `path`, that the user may not pass through; "" when
// there is none.
std::string FirstClosed(const std::string& path, const User& user);

}  // namespace forager::os
