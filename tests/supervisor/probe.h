// Collectors of the tests: they try what an attempt must not be able to do, and say what came of
// it.
#pragma once

#include <string>

namespace forager::supervisor {

void PrepareProbe();
// "probe" reports on its surroundings; every other name is the worker's.
int RunProbeOrAttempt(const std::string& collector, int in_fd, int out_fd);
// A server with three attempts on `data_dir`; says "ready" on its standard output once they run.
int RunServerUntilKilled(const char* data_dir);

}  // namespace forager::supervisor
