#include "app/process_figures.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <sstream>

#include "os/proc_files.h"

namespace forager::app {

ProcessFigures ReadProcessFigures() {
  ProcessFigures figures;
  // The name in parentheses may hold anything, so fields are counted from its end.
  std::string stat = os::ReadSmallFile("/proc/self/stat");
  if (auto end = stat.rfind(')'); end != std::string::npos) {
    std::istringstream fields(stat.substr(end + 1));
    std::string state;
    std::uint64_t values[22] = {};
    fields >> state;
    for (int i = 0; i < 22; ++i) {
      std::int64_t value = 0;
      fields >> value;
      values[i] = static_cast<std::uint64_t>(value);
    }
    figures.cpu_seconds =
        static_cast<double>(values[10] + values[11]) / static_cast<double>(sysconf(_SC_CLK_TCK));
    figures.threads = values[16];
    figures.virtual_bytes = values[19];
    figures.resident_bytes = values[20] * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  }
  std::error_code error;
  for (std::filesystem::directory_iterator at("/proc/self/fd", error), end; !error && at != end;
       at.increment(error)) {
    ++figures.open_fds;
  }
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) figures.max_fds = limit.rlim_cur;
  return figures;
}

}  // namespace forager::app
