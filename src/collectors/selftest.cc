// The self-test collector: every way an attempt can go wrong, on order, so that anybody can watch
// the supervisor deal with it.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <thread>
#include <vector>

#include "collectors/collector.h"
#include "os/clock.h"
#include "os/stray_processes.h"

namespace forager::collectors {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;

constexpr milliseconds kTick{100};
constexpr std::int64_t kMaxMillis = 24 * 3'600'000;
constexpr int kChildren = 3;

struct Order {
  std::optional<milliseconds> ms;
  std::int64_t times = 1;
  std::int64_t records = 3;
  std::int64_t mb = 100;
};

std::optional<std::int64_t> Number(const json::object& filters, std::string_view name,
                                   std::int64_t max) {
  const json::value* value = filters.if_contains(name);
  if (!value || value->is_null()) return std::nullopt;
  boost::system::error_code error;
  double number = value->to_number<double>(error);
  if (error || !(number >= 0) || number > static_cast<double>(max)) {
    throw std::invalid_argument(
        fmt::format("search_filters.{} must be a number from 0 to {}", name, max));
  }
  return static_cast<std::int64_t>(number);
}

Order ReadOrder(const Job& job) {
  Order order;
  json::object filters;
  if (job.search_filters) {
    boost::system::error_code error;
    json::value parsed = json::parse(*job.search_filters, error);
    if (!error && parsed.is_object()) filters = std::move(parsed.get_object());
  }
  if (auto ms = Number(filters, "ms", kMaxMillis)) order.ms = milliseconds(*ms);
  order.times = Number(filters, "times", 1'000'000).value_or(order.times);
  order.records = Number(filters, "records", 1'000'000).value_or(order.records);
  order.mb = Number(filters, "mb", 1'000'000).value_or(order.mb);
  return order;
}

ResultEvent Done() {
  ResultEvent result;
  result.completed = true;
  return result;
}

ResultEvent Failure(ErrorClass error_class, std::string error) {
  ResultEvent result;
  result.error = std::move(error);
  result.error_class = error_class;
  return result;
}

void SayProgress(const Context& context, double percent, std::string stage) {
  ProgressEvent progress;
  progress.percent = percent;
  progress.stage = std::move(stage);
  context.say(progress);
}

// Ticks for `ms`, or for ever: heartbeats, and progress where there is an end.
void Work(const Context& context, std::optional<milliseconds> ms, bool progress) {
  os::Steady start = os::SystemClock().SteadyNow();
  while (true) {
    milliseconds spent = os::SystemClock().SteadyNow() - start;
    if (ms && spent >= *ms) return;
    std::this_thread::sleep_for(ms ? std::min(kTick, *ms - spent) : kTick);
    if (ms && progress) {
      spent = std::min(*ms, milliseconds(os::SystemClock().SteadyNow() - start));
      SayProgress(context,
                  std::round(1000.0 * static_cast<double>(spent.count()) /
                             static_cast<double>(ms->count())) /
                      10.0,
                  "working");
    } else {
      context.say(HeartbeatEvent{});
    }
  }
}

ResultEvent Ok(const Context& context, const Order& order) {
  Work(context, order.ms.value_or(milliseconds(0)), true);
  return Done();
}

ResultEvent FailAtOnce(const Context&, const Order&) {
  return Failure(ErrorClass::kPermanent, "The self-test was asked to fail");
}

ResultEvent Transient(const Context& context, const Order& order) {
  if (context.job.attempt > order.times) return Done();
  return Failure(ErrorClass::kTransient,
                 fmt::format("The self-test was asked to fail {} time(s); this is attempt {}",
                             order.times, context.job.attempt));
}

ResultEvent Throw(const Context&, const Order&) {
  throw std::runtime_error("The self-test was asked to throw");
}

ResultEvent Abort(const Context&, const Order&) { std::abort(); }

ResultEvent Segfault(const Context&, const Order&) {
  // Sanitizers and handlers would make something else of a bad access.
  signal(SIGSEGV, SIG_DFL);
  raise(SIGSEGV);
  std::abort();
}

ResultEvent Exit(const Context&, const Order&) { _exit(3); }

ResultEvent BusyLoop(const Context& context, const Order&) {
  SayProgress(context, 10, "counting");
  for (volatile std::uint64_t count = 0;;) count = count + 1;
}

ResultEvent Sleep(const Context& context, const Order&) {
  SayProgress(context, 10, "sleeping");
  while (true) pause();
}

ResultEvent Stall(const Context& context, const Order&) {
  SayProgress(context, 10, "collecting");
  Work(context, std::nullopt, false);
  return Done();
}

ResultEvent IgnoreTerm(const Context& context, const Order&) {
  signal(SIGTERM, SIG_IGN);
  SayProgress(context, 10, "ignoring SIGTERM");
  while (true) pause();
}

ResultEvent Tree(const Context& context, const Order& order) {
  SayProgress(context, 10, "starting processes");
  if (!os::StartStrayProcesses(kChildren)) {
    return Failure(ErrorClass::kTransient, "The self-test could not start its processes");
  }
  SayProgress(context, 50, "leaving processes behind");
  if (!order.ms) {
    while (true) pause();
  }
  Work(context, order.ms, false);
  return Done();
}

ResultEvent Memory(const Context& context, const Order&) {
  constexpr std::size_t kPart = 16 << 20;
  std::vector<std::vector<char>> parts;
  while (true) {
    parts.emplace_back(kPart, 'x');
    context.say(HeartbeatEvent{});
  }
}

ResultEvent Flood(const Context& context, const Order& order) {
  std::string line(1023, 'x');
  line += '\n';
  constexpr std::int64_t kPart = 1 << 20;
  std::string part;
  while (part.size() < kPart) part += line;
  for (std::int64_t mb = 0; mb < order.mb; ++mb) {
    for (std::string_view rest = part; !rest.empty();) {
      ssize_t wrote = write(STDOUT_FILENO, rest.data(), rest.size());
      if (wrote < 0 && errno != EINTR)
        throw std::runtime_error("The self-test could not write its output");
      if (wrote > 0) rest.remove_prefix(static_cast<std::size_t>(wrote));
    }
    SayProgress(context, 100.0 * static_cast<double>(mb + 1) / static_cast<double>(order.mb),
                "flooding");
  }
  return Done();
}

ResultEvent Records(const Context& context, const Order& order) {
  for (std::int64_t i = 1; i <= order.records; ++i) {
    RecordEvent record;
    record.entity = json::serialize(json::object{
        {"name", fmt::format("Self-test {} {}", context.job.job_id, i)}, {"number", i}});
    record.confidence = 0.9;
    context.say(record);
  }
  Work(context, order.ms.value_or(milliseconds(0)), true);
  return Done();
}

// `times` turns at one host, and no request; `ms` is the gap it asks for.
ResultEvent Turns(const Context& context, const Order& order) {
  for (std::int64_t i = 1; i <= order.times; ++i) {
    if (auto none = context.turn({"selftest.example", order.ms.value_or(milliseconds(0))})) {
      ResultEvent result = Failure(ErrorClass::kTransient, none->why);
      result.retry_after = none->retry_after;
      return result;
    }
    context.say(LogEvent{LogLevel::kInfo, "turns", fmt::format("turn {}", i), {}});
  }
  return Done();
}

using Case = ResultEvent (*)(const Context&, const Order&);
const std::map<std::string, Case>& Cases() {
  static const std::map<std::string, Case> cases = {{"ok", Ok},
                                                    {"fail", FailAtOnce},
                                                    {"transient", Transient},
                                                    {"throw", Throw},
                                                    {"abort", Abort},
                                                    {"segfault", Segfault},
                                                    {"exit", Exit},
                                                    {"busy_loop", BusyLoop},
                                                    {"sleep", Sleep},
                                                    {"stall", Stall},
                                                    {"ignore_term", IgnoreTerm},
                                                    {"tree", Tree},
                                                    {"memory", Memory},
                                                    {"flood", Flood},
                                                    {"records", Records},
                                                    {"turns", Turns}};
  return cases;
}

}  // namespace

ResultEvent CollectSelfTest(const Context& context) {
  auto found = Cases().find(context.job.job_type);
  if (found == Cases().end()) {
    return Failure(ErrorClass::kInvalid,
                   fmt::format("The self-test has no job_type \"{}\"", context.job.job_type));
  }
  Order order;
  try {
    order = ReadOrder(context.job);
  } catch (const std::invalid_argument& error) {
    return Failure(ErrorClass::kInvalid, error.what());
  }
  return found->second(context, order);
}

}  // namespace forager::collectors
