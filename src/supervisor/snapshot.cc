#include "supervisor/snapshot.h"

#include <boost/json.hpp>
#include <vector>

#include "job/codec.h"
#include "os/clock.h"
#include "os/proc_files.h"

namespace forager::supervisor {
namespace {

namespace json = boost::json;

constexpr Millis kLimit{400};
constexpr std::size_t kMaxShown = 16;

json::object View(pid_t pid) {
  os::ProcessView view = os::ViewProcess(pid);
  json::object object{{"pid", view.pid}, {"name", ValidUtf8(view.name)}, {"state", view.state}};
  if (!view.wait_channel.empty()) object["wait_channel"] = view.wait_channel;
  if (!view.system_call.empty()) object["system_call"] = view.system_call;
  if (!view.stack.empty()) object["stack"] = view.stack;
  return object;
}

template <typename T>
json::value OrNull(const std::optional<T>& value) {
  return value ? json::value(*value) : json::value();
}

}  // namespace

std::string TakeSnapshot(pid_t collector, const AttemptClocks& clocks, os::Steady now) {
  os::Steady start = os::SystemClock().SteadyNow();
  const ProgressEvent& last = clocks.last();
  json::object snapshot{{"percent", OrNull(last.percent)},
                        {"stage", OrNull(last.stage)},
                        {"message", OrNull(last.message)},
                        {"url", OrNull(last.url)},
                        {"age_ms", (now - clocks.started()).count()},
                        {"silent_ms", (now - clocks.heard()).count()},
                        {"no_progress_ms", (now - clocks.progressed()).count()},
                        {"signs_of_life", clocks.Signs(now)}};
  json::array processes, sockets;
  std::vector<pid_t> pids;
  if (collector > 0) {
    pids = os::Descendants(collector);
    pids.insert(pids.begin(), collector);
    for (const std::string& socket : os::OpenSockets(collector)) sockets.emplace_back(socket);
  }
  for (pid_t pid : pids) {
    bool late = os::SystemClock().SteadyNow() - start > kLimit;
    if (late || processes.size() == kMaxShown) break;
    processes.emplace_back(View(pid));
  }
  snapshot["processes"] = std::move(processes);
  snapshot["process_count"] = pids.size();
  snapshot["sockets"] = std::move(sockets);
  return json::serialize(snapshot);
}

}  // namespace forager::supervisor
