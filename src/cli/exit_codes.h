// What the exit code of a client command says. doc/cli.md and the man page list them.
#pragma once

#include <span>
#include <string_view>

namespace forager::cli {

enum ExitCode {
  kDone = 0,
  kRefused = 1,    // the server said no, or the work failed
  kUsage = 2,      // the command line is wrong
  kJobFailed = 3,  // the job that was followed ended so
  kJobCancelled = 4,
  kNotInTime = 5,  // --timeout was over first
  kNoServer = 6,   // it cannot be reached
  kInterrupted = 130,
  kPipeClosed = 141,  // the reader of our output went away
};

struct ExitCodeHelp {
  int code;
  std::string_view meaning;
};
std::span<const ExitCodeHelp> ExitCodes();

}  // namespace forager::cli
