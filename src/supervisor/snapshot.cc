#include "supervisor/snapshot.h"

#include <boost/json.hpp>
#include <memory>
#include <system_error>
#include <thread>
#include <vector>

#include "job/codec.h"
#include "os/clock.h"

namespace forager::supervisor {
namespace {

namespace json = boost::json;

constexpr Millis kLimit{400};
constexpr Millis kPatience{450};
constexpr std::size_t kMaxShown = 16;

json::object View(const os::ProcessView& view) {
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

Snapshots::Seen Snapshots::Read(pid_t collector) {
  Seen seen;
  if (collector <= 0) return seen;
  os::Steady start = os::SystemClock().SteadyNow();
  std::vector<pid_t> pids = os::Descendants(collector);
  pids.insert(pids.begin(), collector);
  seen.process_count = pids.size();
  seen.sockets = os::OpenSockets(collector);
  for (pid_t pid : pids) {
    bool late = os::SystemClock().SteadyNow() - start > kLimit;
    if (late || seen.processes.size() == kMaxShown) break;
    seen.processes.push_back(os::ViewProcess(pid));
  }
  return seen;
}

// By a thread that nobody waits for longer: the kernel may not answer for as long as it likes.
std::optional<Snapshots::Seen> Snapshots::ReadInTime(pid_t collector) {
  bool stuck = read_.valid() && read_.wait_for(Millis{0}) != std::future_status::ready;
  if (stuck) return std::nullopt;
  auto answer = std::make_shared<std::promise<Seen>>();
  read_ = answer->get_future();
  try {
    std::thread([answer, collector] { answer->set_value(Read(collector)); }).detach();
  } catch (const std::system_error&) {
    read_ = {};
    return std::nullopt;
  }
  if (read_.wait_for(kPatience) != std::future_status::ready) return std::nullopt;
  return read_.get();
}

std::string Snapshots::Take(pid_t collector, const AttemptClocks& clocks, os::Steady now) {
  const ProgressEvent& last = clocks.last();
  json::object snapshot{{"percent", OrNull(last.percent)},
                        {"stage", OrNull(last.stage)},
                        {"message", OrNull(last.message)},
                        {"url", OrNull(last.url)},
                        {"age_ms", (now - clocks.started()).count()},
                        {"silent_ms", (now - clocks.heard()).count()},
                        {"no_progress_ms", (now - clocks.progressed()).count()},
                        {"signs_of_life", clocks.Signs(now)}};
  std::optional<Seen> seen = ReadInTime(collector);
  json::array processes, sockets;
  if (seen) {
    for (const os::ProcessView& process : seen->processes) processes.emplace_back(View(process));
    for (const std::string& socket : seen->sockets) sockets.emplace_back(socket);
  }
  snapshot["processes"] = std::move(processes);
  snapshot["process_count"] = seen ? json::value(seen->process_count) : json::value();
  snapshot["sockets"] = std::move(sockets);
  if (!seen) snapshot["unread"] = "the kernel did not tell about the processes in time";
  return json::serialize(snapshot);
}

}  // namespace forager::supervisor
