#include "worker/worker.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <expected>
#include <new>

#include "collectors/collector.h"
#include "job/codec.h"

namespace forager::worker {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxInput = 8 << 20;

struct Task {
  Job job;
  std::map<std::string, std::string> settings;
};

// One line: {"job": {...}, "settings": {...}}.
std::string ReadLine(int fd) {
  std::string line;
  std::array<char, 16 * 1024> part;
  while (line.size() < kMaxInput) {
    ssize_t got = read(fd, part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    line.append(part.data(), static_cast<std::size_t>(got));
    if (line.ends_with('\n')) break;
  }
  return line;
}

Result<Task> ReadTask(int fd) {
  boost::system::error_code error;
  json::value value = json::parse(ReadLine(fd), error);
  const json::object* object = error ? nullptr : value.if_object();
  const json::value* job = object ? object->if_contains("job") : nullptr;
  if (!job) return Fail(ErrorCode::kMalformed, "The attempt's input cannot be read");
  auto parsed = ParseAttemptJob(json::serialize(*job));
  if (!parsed) return std::unexpected(parsed.error());
  Task task{std::move(*parsed), {}};
  const json::value* settings = object->if_contains("settings");
  if (settings && settings->is_object()) {
    for (const auto& [name, setting] : settings->get_object()) {
      if (setting.is_string()) task.settings.emplace(name, std::string(setting.get_string()));
    }
  }
  return task;
}

ResultEvent Failure(ErrorClass error_class, std::string error) {
  ResultEvent result;
  result.error = std::move(error);
  result.error_class = error_class;
  return result;
}

ResultEvent Run(collectors::Collector collector, const Task& task, EventWriter& out) {
  collectors::Context context{task.job, task.settings,
                              [&out](const Event& event) { out.Write(event); }};
  try {
    return collector(context);
  } catch (const std::bad_alloc&) {
    return Failure(ErrorClass::kCrashed, "Out of memory");
  } catch (const std::exception& error) {
    return Failure(ErrorClass::kPermanent, error.what());
  } catch (...) {
    return Failure(ErrorClass::kPermanent, "The collector threw something that is no exception");
  }
}

}  // namespace

void Warm() { collectors::PrepareCollectors(); }

int RunAttempt(const std::string& name, int in_fd, int out_fd) {
  EventWriter out(out_fd);
  collectors::Collector collector = collectors::FindCollector(name);
  auto task = ReadTask(in_fd);
  close(in_fd);
  if (!collector) {
    out.Write(Failure(ErrorClass::kInvalid, fmt::format("There is no collector \"{}\"", name)));
  } else if (!task) {
    out.Write(Failure(ErrorClass::kInvalid, task.error().detail));
  } else {
    out.Write(Run(collector, *task, out));
  }
  return 0;
}

}  // namespace forager::worker
