// What the kernel tells of this process, under the names every Prometheus client uses.
#pragma once

#include <cstdint>

namespace forager::app {

struct ProcessFigures {
  double cpu_seconds = 0;
  std::uint64_t virtual_bytes = 0, resident_bytes = 0, open_fds = 0, max_fds = 0, threads = 0;
};
ProcessFigures ReadProcessFigures();

}  // namespace forager::app
