// Why a program cannot be executed, in words that say what to mend. Reads the file; called by the
// keeper after the fact.
#pragma once

#include <string>

namespace forager::supervisor {

// `error` is execve's errno for `program`, which was looked for in `path` unless it holds a slash.
std::string WhyNotExecuted(const std::string& program, int error, const std::string& path);

}  // namespace forager::supervisor
