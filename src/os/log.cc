#include "os/log.h"

#include <fmt/format.h>
#include <poll.h>
#include <spdlog/async.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cerrno>
#include <memory>
#include <mutex>
#include <vector>

#include "os/visible_text.h"

namespace forager::os {
namespace {

constexpr std::size_t kQueue = 16'384;
constexpr const char* kTextPattern = "%Y-%m-%dT%H:%M:%S.%eZ %l %v";
constexpr const char* kJsonPattern = R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v)";

struct State {
  std::mutex mutex;
  LogOptions options;
  dev_t device = 0;  // of the open file
  ino_t inode = 0;
  std::shared_ptr<spdlog::details::thread_pool> pool;
  std::shared_ptr<spdlog::async_logger> logger;
};

// Never destroyed: other threads may log while the process exits. FlushLog is the end of it.
State& TheLog() {
  static State& state = *new State;
  return state;
}

// Standard error, as long as somebody reads it: a full pipe must not stop the file.
class StderrSink : public spdlog::sinks::base_sink<std::mutex> {
 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    std::string_view left(line.data(), line.size());
    while (!left.empty()) {
      // Ready means that a whole PIPE_BUF fits.
      pollfd ready{STDERR_FILENO, POLLOUT, 0};
      if (poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0) return;
      ssize_t wrote = write(STDERR_FILENO, left.data(), std::min<std::size_t>(left.size(), 4'096));
      if (wrote <= 0) return;
      left.remove_prefix(static_cast<std::size_t>(wrote));
    }
  }
  void flush_() override {}
};

spdlog::level::level_enum Level(Severity severity) {
  switch (severity) {
    case Severity::kDebug:
      return spdlog::level::debug;
    case Severity::kInfo:
      return spdlog::level::info;
    case Severity::kWarning:
      return spdlog::level::warn;
    case Severity::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

std::string Line(LogFormat format, std::string_view message, LogFields fields) {
  namespace json = boost::json;
  std::string line = format == LogFormat::kJson
                         ? "\"message\":" + VisibleJson(json::serialize(json::string(message)))
                         : Visible(message);
  for (const auto& [name, value] : fields) {
    if (format == LogFormat::kJson) {
      line += fmt::format(",\"{}\":{}", name, VisibleJson(json::serialize(json::string(value))));
    } else {
      line += fmt::format(" {}={}", name, Visible(value));
    }
  }
  if (format == LogFormat::kJson) line += '}';
  return line;
}

// Throws spdlog_ex when the file cannot be opened.
void Build(State& log) {
  std::vector<spdlog::sink_ptr> sinks;
  if (log.options.to_stderr) sinks.push_back(std::make_shared<StderrSink>());
  if (!log.options.file.empty())
    sinks.push_back(std::make_shared<spdlog::sinks::basic_file_sink_mt>(log.options.file));
  if (!log.pool) log.pool = std::make_shared<spdlog::details::thread_pool>(kQueue, 1);
  auto made = std::make_shared<spdlog::async_logger>("forager", sinks.begin(), sinks.end(), log.pool,
                                                     spdlog::async_overflow_policy::overrun_oldest);
  made->set_formatter(std::make_unique<spdlog::pattern_formatter>(
      log.options.format == LogFormat::kJson ? kJsonPattern : kTextPattern,
      spdlog::pattern_time_type::utc));
  made->set_level(Level(log.options.minimum));
  made->flush_on(spdlog::level::debug);
  // A full disk must not turn every line into a complaint of its own.
  made->set_error_handler([](const std::string&) {});
  log.logger = std::move(made);
  struct stat file{};
  if (!log.options.file.empty() && stat(log.options.file.c_str(), &file) == 0) {
    log.device = file.st_dev;
    log.inode = file.st_ino;
  }
}

}  // namespace

std::string OpenLog(const LogOptions& options) {
  State& log = TheLog();
  std::lock_guard lock(log.mutex);
  LogOptions before = std::exchange(log.options, options);
  try {
    Build(log);
  } catch (const spdlog::spdlog_ex& error) {
    log.options = before;
    return error.what();
  }
  return "";
}

void KeepLogFile() {
  State& log = TheLog();
  {
    std::lock_guard lock(log.mutex);
    if (!log.logger || log.options.file.empty()) return;
    struct stat file{};
    bool there = stat(log.options.file.c_str(), &file) == 0;
    bool same = there && file.st_dev == log.device && file.st_ino == log.inode;
    if (same || (!there && errno != ENOENT)) return;
  }
  ReopenLog();
}

void ReopenLog() {
  State& log = TheLog();
  std::lock_guard lock(log.mutex);
  if (!log.logger) return;
  try {
    Build(log);
  } catch (const spdlog::spdlog_ex&) {
    // The old file goes on being written: better there than nowhere.
  }
}

void FlushLog() {
  State& log = TheLog();
  std::lock_guard lock(log.mutex);
  log.pool.reset();  // works through its queue
  log.logger.reset();
}

void Log(Severity severity, std::string_view message, LogFields fields) {
  State& log = TheLog();
  std::shared_ptr<spdlog::async_logger> target;
  LogFormat format;
  {
    std::lock_guard lock(log.mutex);
    if (!log.logger) Build(log);
    target = log.logger;
    format = log.options.format;
  }
  if (target->should_log(Level(severity)))
    target->log(Level(severity), Line(format, message, fields));
}

}  // namespace forager::os
