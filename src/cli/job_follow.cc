#include "cli/job_follow.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdio>

#include "cli/job_view.h"
#include "cli/json_text.h"
#include "cli/live.h"
#include "cli/log_view.h"
#include "cli/text.h"
#include "cli/tree.h"

namespace forager::cli {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;

constexpr milliseconds kStartAgain{1'000};

class Follower {
 public:
  Follower(Client& client, const FollowOptions& options)
      : client_(client), options_(options), log_(client, LogOptions{options.job_id, {}, {}}) {
    bar_ = options.progress && client.error_is_terminal && client.format == Format::kTable;
  }

  int Run() {
    LiveOptions live;
    live.types = options_.logs ? "job,log" : "job";
    live.job_id = options_.job_id;
    live.interval = milliseconds(1'000);
    live.limit = options_.limit;
    LiveEnd end = WatchLive(client_, live, [this] { return Look(); });
    Wipe();
    if (code_) return *code_;
    std::string id = OneLine(options_.job_id);
    std::string on =
        fmt::format("`forager jobs watch {}` follows it, `forager jobs cancel {}` ends it", id, id);
    if (!end.in_time) return Complain(fmt::format("{} is not over yet", id), on, kNotInTime);
    std::fprintf(stderr, "%s goes on: %s\n", id.c_str(), on.c_str());
    return 128 + end.signal;
  }

 private:
  // False: there is nothing more to see.
  bool Look() {
    auto job = client_.Get(JobPath(options_.job_id));
    if (!job) return Away(job.error());
    // The log after the state: what the state counts as said is there.
    if (options_.logs) {
      auto pulled = log_.Pull([this] { Wipe(); });
      if (!pulled) return Away(pulled.error());
    }
    if (patience_.lost()) {
      Wipe();
      client_.Note("Connected again.");
    }
    patience_.Reset();
    std::string status = TextAt(*job, "status");
    if (IsOver(status)) return End(*job, status);
    if (options_.start && !started_) TryStart(status);
    if (!code_) Show(*job, status);
    return !code_;
  }

  bool Away(const Error& error) {
    if (error.detail == kInterruptedCall) return true;  // by a signal, which ends the loop itself
    if (error.code == ErrorCode::kNotFound && known_) {
      code_ = Complain(fmt::format("{} was deleted", OneLine(options_.job_id)), "", kJobFailed);
      return false;
    }
    bool lost = patience_.lost();
    if (!patience_.Bears(error) || !known_) {
      Wipe();
      code_ = client_.Complain(error, "`forager jobs list` shows the jobs there are");
      return false;
    }
    if (!lost) {
      Wipe();
      client_.Note(fmt::format("Connection lost ({}); trying again for a minute.", error.detail));
    }
    return true;
  }

  void TryStart(const std::string& status) {
    if (status != "pending") {
      started_ = true;
      return;
    }
    os::Steady now = os::SystemClock().SteadyNow();
    if (tried_ && now - *tried_ < kStartAgain) return;
    tried_ = now;
    auto answer = client_.Post(JobPath(options_.job_id, "/start"));
    if (answer) {
      started_ = true;
    } else if (answer.error().code == ErrorCode::kConflict) {
      if (answer.error().detail == waits_for_) return;
      waits_for_ = answer.error().detail;
      Wipe();
      client_.Note(fmt::format("It waits for a slot. {}", waits_for_));
    } else if (answer.error().code != ErrorCode::kUnavailable) {
      Wipe();
      code_ = client_.Complain(answer.error());
    }
  }

  void Show(const json::value& job, const std::string& status) {
    known_ = true;
    WallTime now = client_.Now();
    std::string line = status;
    auto next = TimeAt(job, "next_run_at");
    if (status == "running")
      line = ProgressLine(job, now, bar_ ? client_.screen.columns - 1 : 200, client_.utf8);
    else if (next && *next > now)
      line = fmt::format("pending, {} in {}", tries(job) > 0 ? "next try" : "due",
                         ShortSpan(*next - now));
    if (bar_) {
      ScreenSize size = TerminalSize(2);
      std::fprintf(
          stderr, "\r\x1b[K%s",
          client_.error_style.In(ToneOfState(status), Cut(line, size.columns - 1)).c_str());
      std::fflush(stderr);
      drawn_ = true;
      return;
    }
    if (!options_.progress) return;
    std::string said = Said(job, status);
    if (said == last_said_) return;
    last_said_ = said;
    if (client_.format == Format::kJsonLines) client_.PrintJson(job);
    if (client_.format == Format::kTable) client_.out.Line(said);
    client_.out.Flush();
  }

  static int tries(const json::value& job) { return static_cast<int>(WholeAt(job, "attempt")); }

  // One line per news, for a file: without what changes by itself.
  static std::string Said(const json::value& job, const std::string& status) {
    std::string line = fmt::format("{} {}", OneLine(TextAt(job, "job_id")), OneLine(status));
    if (tries(job) > 1) line += fmt::format(" (attempt {})", tries(job));
    if (status != "running") return line;
    if (auto percent = NumberAt(job, "progress.percent")) line += fmt::format(" {:.0f}%", *percent);
    for (const char* name : {"progress.stage", "progress.message"}) {
      std::string text = OneLine(TextAt(job, name));
      if (!text.empty()) line += " " + text;
    }
    return line;
  }

  bool End(const json::value& job, const std::string& status) {
    Wipe();
    code_ = CodeOfEnd(status);
    if (client_.format != Format::kTable) {
      client_.PrintJson(job);
      return false;
    }
    std::string id = OneLine(options_.job_id);
    std::string line =
        fmt::format("{} {}", id, client_.style.In(ToneOfState(status), OneLine(status)));
    auto begin = TimeAt(job, "started_at"), end = TimeAt(job, "completed_at");
    if (begin && end) line += " after " + LongSpan(*end - *begin);
    if (tries(job) > 1) line += fmt::format(", on attempt {}", tries(job));
    if (NumberAt(job, "items_found").value_or(0) > 0)
      line += fmt::format(": {} items, {} changes", TextAt(job, "items_found"),
                          TextAt(job, "changes_detected"));
    client_.out.Line(line);
    client_.out.Flush();
    if (status == "completed") return false;
    std::string error = Lines(TextAt(job, "error_message"));
    if (!error.empty()) client_.out.Line("  " + error);
    client_.out.Flush();
    client_.Note(
        fmt::format("  next: `forager jobs get {}` shows its attempts, `forager jobs retry "
                    "{}` tries again",
                    id, id));
    return false;
  }

  void Wipe() {
    if (!std::exchange(drawn_, false)) return;
    std::fputs("\r\x1b[K", stderr);
    std::fflush(stderr);
  }

  Client& client_;
  const FollowOptions& options_;
  LogReader log_;
  Patience patience_;
  bool bar_ = false, drawn_ = false, known_ = false, started_ = false;
  std::optional<os::Steady> tried_;
  std::string waits_for_, last_said_;
  std::optional<int> code_;
};

struct WatchOptions {
  std::string id, limit;
  bool logs = false;
};

int Watch(Client& client, const WatchOptions& options) {
  auto limit = ParseLimit(options.limit);
  if (!limit) return client.Complain(limit.error());
  return FollowJob(client, {options.id, options.logs, true, false, *limit});
}

struct LogsOptions {
  LogOptions log;
  bool follow = false;
};

int Logs(Client& client, const LogsOptions& options) {
  if (client.format == Format::kJson) client.format = Format::kJsonLines;
  if (client.format == Format::kCsv) client.out.Line("id,timestamp,attempt,level,stage,message");
  LogReader reader(client, options.log);
  constexpr std::string_view kHint = "`forager jobs list` shows the jobs there are";
  if (!options.follow) {
    auto read = reader.Pull();
    return read ? kDone : client.Complain(read.error(), kHint);
  }
  Patience patience;
  bool known = false;
  int code = kDone;
  LiveOptions live;
  live.types = "job,log";
  live.job_id = options.log.job_id;
  LiveEnd end = WatchLive(client, live, [&] {
    // The state first: what came before the end is in the log by then.
    auto job = client.Get(JobPath(options.log.job_id));
    auto read = job ? reader.Pull() : Result<void>(std::unexpected(job.error()));
    if (!read) {
      bool go_on =
          read.error().detail == kInterruptedCall || (known && patience.Bears(read.error()));
      if (!go_on) code = client.Complain(read.error(), kHint);
      return go_on;
    }
    known = true;
    patience.Reset();
    return !IsOver(TextAt(*job, "status"));
  });
  return end.signal != 0 ? 128 + end.signal : code;
}

}  // namespace

int FollowJob(Client& client, const FollowOptions& options) {
  return Follower(client, options).Run();
}

Result<std::optional<milliseconds>> ParseLimit(const std::string& text) {
  if (text.empty()) return std::nullopt;
  auto limit = ParseDuration(text);
  if (limit && limit->count() > 0) return std::optional<milliseconds>(*limit);
  return Fail(ErrorCode::kInvalid,
              fmt::format("--timeout {} is no time span: write 90s, 10m or 2h", text));
}

void AddJobFollowing(CLI::App& jobs, Session& session) {
  auto watch = std::make_shared<WatchOptions>();
  CLI::App& command = AddCommand(
      jobs, session,
      {"watch", "follow a job to its end",
       "The exit code tells how it ended: 0 completed, 3 failed, 4 cancelled, 5 not over within "
       "--timeout.\nCtrl-C ends the watching, never the job.",
       "forager jobs watch JOB-1763918292-3K9QZ7T2AB\n"
       "# in a script: wait at most ten minutes\n"
       "forager jobs watch --timeout 10m \"$id\" && echo good\n"},
      [watch](Client& client) { return Watch(client, *watch); });
  AddArgument(command, "JOB_ID", watch->id, "which job");
  AddFlag(command, "-l,--logs", watch->logs, "show its log too");
  AddOption(command, "--timeout", watch->limit, "SPAN", "give up after 90s, 10m, 2h");

  auto logs = std::make_shared<LogsOptions>();
  CLI::App& log =
      AddCommand(jobs, session,
                 {"logs", "print a job's log", "",
                  "forager jobs logs -f JOB-1763918292-3K9QZ7T2AB\n"
                  "# the last 50 warnings and errors\n"
                  "forager jobs logs --level warning --tail 50 JOB-1763918292-3K9QZ7T2AB\n"},
                 [logs](Client& client) { return Logs(client, *logs); });
  AddArgument(log, "JOB_ID", logs->log.job_id, "which job");
  AddFlag(log, "-f,--follow", logs->follow, "go on until the job is over");
  AddOption(log, "--tail", logs->log.tail, "N", "only the last so many lines");
  AddOption(log, "--level", logs->log.level, "LEVEL", "at least debug, info, warning or error");
  AddOption(log, "--stage", logs->log.stage, "STAGE", "only this stage");
  AddOption(log, "--attempt", logs->log.attempt, "N", "only this attempt");
  AddFlag(log, "--timestamps", logs->log.timestamps,
          "full times in UTC, not the local time of day");
}

}  // namespace forager::cli
