#include "supervisor/snapshot.h"

#include <memory>
#include <system_error>
#include <thread>
#include <vector>

#include "job/codec.h"
#include "os/clock.h"
#include "os/proc_files.h"

namespace forager::supervisor {
namespace {

namespace json = boost::json;

constexpr Millis kLimit{400};
constexpr Millis kPatience{450};
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

json::object Read(pid_t collector) {
  os::Steady start = os::SystemClock().SteadyNow();
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
  return {{"processes", std::move(processes)},
          {"process_count", pids.size()},
          {"sockets", std::move(sockets)}};
}

json::object Unread() {
  return {{"processes", json::array()},
          {"process_count", nullptr},
          {"sockets", json::array()},
          {"unread", "the kernel did not tell about the processes in time"}};
}

}  // namespace

// By a thread that nobody waits for longer: the kernel may not answer for as long as it likes.
json::object Snapshots::ReadInTime(pid_t collector) {
  bool stuck = read_.valid() && read_.wait_for(Millis{0}) != std::future_status::ready;
  if (!stuck) {
    auto answer = std::make_shared<std::promise<json::object>>();
    read_ = answer->get_future();
    try {
      std::thread([answer, collector] { answer->set_value(Read(collector)); }).detach();
    } catch (const std::system_error&) {
      answer->set_value(Unread());
    }
    if (read_.wait_for(kPatience) == std::future_status::ready) return read_.get();
  }
  return Unread();
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
  json::object read = ReadInTime(collector);
  for (auto& member : read) snapshot[member.key()] = std::move(member.value());
  return json::serialize(snapshot);
}

}  // namespace forager::supervisor
