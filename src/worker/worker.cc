#include "worker/worker.h"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <expected>
#include <new>

#include "collectors/collector.h"
#include "job/codec.h"
#include "worker/input_lines.h"
#include "worker/server_turns.h"

namespace forager::worker {
namespace {

namespace json = boost::json;

struct Task {
  Job job;
  std::map<std::string, std::string> settings;
};

// One line: {"job": {...}, "settings": {...}}.
Result<Task> ReadTask(InputLines& input) {
  std::string line;
  input.Next(line);
  boost::system::error_code error;
  json::value value = json::parse(line, error);
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

ResultEvent Run(collectors::Collector collector, const Task& task, InputLines& input,
                EventWriter& out) {
  ServerTurns turns(input, out);
  collectors::Context context{
      task.job, task.settings, [&out](const Event& event) { out.Write(event); },
      [&turns](const collectors::TurnWish& wish) { return turns.Take(wish); }};
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
  InputLines input(in_fd);
  auto task = ReadTask(input);
  if (!collector) {
    out.Write(Failure(ErrorClass::kInvalid, fmt::format("There is no collector \"{}\"", name)));
  } else if (!task) {
    out.Write(Failure(ErrorClass::kInvalid, task.error().detail));
  } else {
    out.Write(Run(collector, *task, input, out));
  }
  close(in_fd);
  return 0;
}

}  // namespace forager::worker
