// What `forager doctor` says of how many attempts this machine has room for.
#include <fmt/format.h>

#include "cli/doctor.h"
#include "cli/text.h"

namespace forager::cli {

void CheckCapacity(Examination& e) {
  if (!e.settings) return;
  std::vector<Ceiling> ceilings = e.machine.ceilings(e.server_pid, e.settings->max_connections);
  if (ceilings.empty()) return;
  int running = e.settings->max_running;
  if (ceilings.front().attempts >= running) {
    return e.Ok("limits", fmt::format("room for {} attempts at once; the first limit is {}",
                                      Grouped(ceilings.front().attempts), ceilings.front().limit));
  }
  for (const Ceiling& ceiling : ceilings) {
    if (ceiling.attempts >= running) break;
    e.Add("limits", Health::kWarning,
          fmt::format("max_running is {}, and {} suffice for {} attempts: more wait",
                      Grouped(running), ceiling.limit, Grouped(ceiling.attempts)),
          fmt::format("raise it ({}), or lower max_running", ceiling.advice));
  }
}

}  // namespace forager::cli
