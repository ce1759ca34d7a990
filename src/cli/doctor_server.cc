// What `forager doctor` sees of a server: does it answer, is its database whole, is its monitor
// awake, and has every running job a living process?
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/timex.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <ctime>
#include <sstream>
#include <thread>

#include "cli/doctor.h"
#include "cli/json_text.h"
#include "cli/text.h"
#include "job/json_read.h"
#include "os/proc_files.h"

namespace forager::cli {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr std::size_t kMaxRows = 1'000;  // running rows that are held against processes
constexpr std::size_t kNamed = 5;        // jobs and processes that a message names
constexpr auto kAnswer = 5'000ms;

bool Lives(int pid) {
  std::string stat = os::ReadSmallFile(fmt::format("/proc/{}/stat", pid), 512);
  auto name_end = stat.rfind(") ");
  return name_end != stat.npos && stat[name_end + 2] != 'Z' && stat[name_end + 2] != 'X';
}

// Who holds the lock of the data directory, without touching it: trying it could stop a server
// that starts just now.
int LockHolder(const std::string& data_dir) {
  struct stat file{};
  if (stat((data_dir + "/server.lock").c_str(), &file) != 0) return 0;
  std::string place =
      fmt::format(" {:02x}:{:02x}:{} ", major(file.st_dev), minor(file.st_dev), file.st_ino);
  std::istringstream locks(os::ReadSmallFile("/proc/locks", 1 << 20));
  for (std::string line; std::getline(locks, line);) {
    if (line.find(" FLOCK ") == line.npos || line.find(place) == line.npos) continue;
    std::istringstream fields(line);
    std::string number, kind, mode, access;
    int pid = 0;
    fields >> number >> kind >> mode >> access >> pid;
    return pid > 0 ? pid : -1;  // -1: in another PID namespace
  }
  return 0;
}

Result<http::ClientResponse> Ask(const Examination& e, const std::string& path) {
  http::ClientRequest request = e.client.server.Request("GET", "");
  request.url = e.client.server.url + path;
  request.timeout = kAnswer;
  return http::Fetch(request);
}

void CheckDown(Examination& e, int holder) {
  std::string start = fmt::format("`forager serve --data-dir {}` starts one", e.data_dir);
  if (holder != 0) {
    return e.Add("server", Health::kFault,
                 holder > 0
                     ? fmt::format("process {} has the data directory, but does not serve", holder)
                     : "a process elsewhere has the data directory, but does not serve",
                 "it may be starting or stopping: look again in half a minute; its log says more");
  }
  if (e.server_pid > 0) {
    e.Add("server", Health::kWarning,
          fmt::format(
              "the last server (pid {}) ended without stopping: killed, crashed, or the power went",
              e.server_pid),
          start + "; it gives back what was running");
  } else {
    e.Add("server", Health::kWarning, fmt::format("no server runs on {}", e.data_dir), start);
  }
  e.server_pid = 0;
}

// A token that everybody on the way can read.
void CheckSecrecy(Examination& e) {
  const std::string& url = e.client.server.url;
  std::size_t host = url.find("://") + 3;
  bool loopback = false;
  for (std::string_view name : {"127.", "localhost", "[::1]"})
    loopback |= std::string_view(url).substr(host).starts_with(name);
  if (loopback || url.starts_with("https://") || e.client.server.token.empty()) return;
  e.Add("access", Health::kWarning, "the token goes unencrypted to " + url,
        "use https: tls_certificate and tls_key of the server, or a proxy");
}

void CheckAccess(Examination& e) {
  auto me = e.client.Get("/me");
  if (!me) {
    return e.Add("access", Health::kWarning, me.error().detail,
                 NextStep(me.error(), e.client.server));
  }
  e.allowed = true;
  std::string theirs = TextAt(*me, "version");
  if (theirs != e.version)
    e.Add("access", Health::kWarning,
          fmt::format("the server is forager {}, this is {}", theirs, e.version),
          "use the same version; after an upgrade start the server again");
  e.Ok("access", fmt::format("we are {} ({})", TextAt(*me, "name"), TextAt(*me, "role")));
}

std::string Names(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < kNamed; ++i) text += (i ? ", " : "") + names[i];
  if (names.size() > kNamed) text += fmt::format(" and {} more", names.size() - kNamed);
  return text;
}

std::string Pids(const std::vector<int>& pids) {
  std::vector<std::string> names;
  for (int pid : pids) names.push_back(std::to_string(pid));
  return Names(names);
}

struct Row {
  std::string id;
  int attempt = 0, pid = 0;
  std::string node;  // that claimed it; "": set by hand
  std::optional<WallTime> lease;
  bool claimed() const { return !node.empty(); }
};

Result<std::vector<Row>> RunningRows(const Client& client) {
  std::vector<Row> rows;
  std::string cursor;
  do {
    auto page = client.Get(
        Query().Add("status", "running").Add("page_size", 100).Add("cursor", cursor).On("/jobs"));
    if (!page) return std::unexpected(page.error());
    const json::array* jobs = At(*page, "jobs").if_array();
    for (const json::value& job : jobs ? *jobs : json::array()) {
      Row row{TextAt(job, "job_id"), static_cast<int>(WholeAt(job, "attempt")), 0,
              TextAt(job, "node"), TimeAt(job, "lease_expires_at")};
      auto attempts = row.claimed() ? client.Get(JobPath(row.id, "/attempts"))
                                    : Result<json::value>(json::value());
      const json::array* list = attempts ? At(*attempts, "attempts").if_array() : nullptr;
      if (list && !list->empty()) row.pid = static_cast<int>(WholeAt(list->back(), "pid"));
      rows.push_back(std::move(row));
    }
    cursor = TextAt(*page, "next_cursor");
  } while (!cursor.empty() && rows.size() < kMaxRows);
  return rows;
}

// Those with nothing alive behind them, as far as this machine can tell.
std::vector<Row> Suspects(const Examination& e, const std::vector<Row>& rows) {
  std::vector<pid_t> below = os::Descendants(e.server_pid);
  // Kept where several servers share a database.
  std::string node = os::ReadSmallFile(e.data_dir + "/node.id");
  node.resize(std::min(node.find_first_of(" \n"), node.size()));
  std::vector<Row> suspects;
  for (const Row& row : rows) {
    bool ours = std::ranges::find(below, row.pid) != below.end();
    bool elsewhere = !e.local || (!node.empty() && row.node != node);
    bool alive = row.claimed() &&
                 (elsewhere ? row.lease && *row.lease > e.client.Now() : ours && Lives(row.pid));
    if (!alive) suspects.push_back(row);
  }
  return suspects;
}

void CheckRowsOfServer(Examination& e) {
  auto rows = RunningRows(e.client);
  if (!rows)
    return e.Add("running", Health::kWarning, rows.error().detail,
                 NextStep(rows.error(), e.client.server));
  std::vector<Row> suspects = Suspects(e, *rows);
  // A job that starts or ends just now has no process for a moment: only what stays is wrong.
  for (int again = 0; again < 3 && !suspects.empty(); ++again) {
    std::this_thread::sleep_for(500ms);
    auto now = RunningRows(e.client);
    if (!now) break;
    std::vector<Row> still = Suspects(e, *now);
    std::erase_if(suspects, [&](const Row& row) {
      return std::ranges::none_of(
          still, [&](const Row& one) { return one.id == row.id && one.attempt == row.attempt; });
    });
  }
  std::vector<std::string> by_hand, dead;
  for (const Row& row : suspects) (row.claimed() ? dead : by_hand).push_back(row.id);
  if (!by_hand.empty()) {
    e.Add("running", Health::kFault,
          fmt::format("{} job(s) set to running by hand, with no process: {}", by_hand.size(),
                      Names(by_hand)),
          fmt::format("`forager jobs cancel {} --force`; else the monitor resets them when their "
                      "time is over",
                      by_hand.front()));
  }
  if (!dead.empty()) {
    e.Add("running", Health::kFault,
          fmt::format("{} job(s) running with no living process: {}", dead.size(), Names(dead)),
          fmt::format(
              "`forager jobs cancel {} --force`, and keep the server's log: this should not be",
              dead.front()));
  }
  if (suspects.empty())
    e.Ok("running", rows->empty()
                        ? "nothing runs"
                        : fmt::format("all {} running job(s) have their process", rows->size()));
}

void CheckRowsOfDatabase(Examination& e, const DatabaseReport& report) {
  std::vector<std::string> claimed, by_hand;
  for (const RunningRow& row : report.running)
    (row.claimed ? claimed : by_hand).push_back(row.job_id);
  if (!claimed.empty())
    e.Add("running", Health::kWarning,
          fmt::format("{} job(s) were running when the server ended: {}", claimed.size(),
                      Names(claimed)),
          "the next start gives them back to pending by itself");
  if (!by_hand.empty())
    e.Add("running", Health::kWarning,
          fmt::format("{} job(s) set to running by hand: {}", by_hand.size(), Names(by_hand)),
          "the next server's monitor resets them when their time is over");
  if (report.running.empty()) e.Ok("running", "nothing runs");
}

}  // namespace

void CheckServer(Examination& e) {
  int holder = 0;
  if (e.local) {
    auto known = ParseJson(os::ReadSmallFile(e.data_dir + "/server.json"));
    if (known) e.server_pid = static_cast<int>(WholeAt(*known, "pid"));
    holder = LockHolder(e.data_dir);
    bool lives = e.server_pid > 0 && (holder != 0 || Lives(e.server_pid));
    if (e.client.server.url.empty() || !lives) return CheckDown(e, holder);
  }
  auto health = Ask(e, "/healthz");
  if (!health) {
    return e.Add("server", Health::kFault,
                 e.local ? fmt::format("process {} lives and does not answer: {}", e.server_pid,
                                       health.error().detail)
                         : health.error().detail,
                 e.local ? fmt::format("its log says more; `kill {0}` asks it to stop, `kill -9 "
                                       "{0}` ends it, and no job is lost",
                                       e.server_pid)
                         : "check the address in FORAGER_URL or --url, and that the server runs");
  }
  e.up = health->status == 200;
  auto ready = Ask(e, "/readyz");
  if (ready && ready->status == 200) {
    e.Ok("server", e.client.server.url + " answers and is ready");
    boost::system::error_code error;
    std::string detail = TextAt(json::parse(ready->body, error), "detail");
    if (!detail.empty())
      e.Add("limits", Health::kWarning, detail, "attempts that find no room wait until others end");
  } else {
    e.Add("server", Health::kFault,
          fmt::format("{} answers but is not ready: {}", e.client.server.url,
                      ready ? ErrorOf(*ready).detail : ready.error().detail),
          "see the other findings; the server's log says more");
  }
  CheckSecrecy(e);
  CheckAccess(e);
}

void CheckClock(Examination& e) {
  constexpr std::int64_t k2025 = 1'735'689'600;
  std::int64_t now = e.client.Now().time_since_epoch().count() / 1'000;
  std::size_t before = e.findings.size();
  if (now < k2025)
    e.Add("clock", Health::kFault, "the clock says a time before 2025",
          "set the clock, and let NTP keep it");
  if (e.up) {
    auto answer = Ask(e, "/healthz");
    std::tm date{};
    std::string text(answer ? answer->Header("Date") : "");
    if (!text.empty() && strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S", &date)) {
      std::int64_t skew = timegm(&date) - e.client.Now().time_since_epoch().count() / 1'000;
      if (std::abs(skew) > 2) {
        e.Add("clock", std::abs(skew) > 60 ? Health::kFault : Health::kWarning,
              fmt::format("the server's clock is {} {} of this one's",
                          LongSpan(std::chrono::seconds(std::abs(skew))),
                          skew > 0 ? "ahead" : "behind"),
              "let NTP keep both clocks (`timedatectl set-ntp true`)");
      }
    }
  }
  timex kernel{};
  bool known = adjtimex(&kernel) >= 0;
  if (e.findings.size() != before) return;
  if (known && (kernel.status & STA_UNSYNC) == 0)
    e.Ok("clock", "kept by NTP");
  else
    e.Add("clock", Health::kNote, "plausible; the kernel does not know that NTP keeps it");
}

void CheckDatabase(Examination& e) {
  if (!e.settings) return;
  const std::string& file = e.settings->database_file;
  if (!file.empty() && access(file.c_str(), F_OK) != 0) {
    if (access(e.data_dir.c_str(), F_OK) == 0)
      e.Add("database", e.server_pid > 0 ? Health::kFault : Health::kNote, file + " is not there",
            e.server_pid > 0
                ? "it was removed under a running server: stop the server, restore a backup"
                : "the first start makes it");
    return;
  }
  auto report = e.machine.look_at_database(*e.settings, e.thorough);
  if (!report)
    return e.Add("database", Health::kFault, report.error().detail,
                 file.empty()
                     ? "check that PostgreSQL runs and lets this user in"
                     : "run as the server's user or root; if it is damaged restore a backup");
  if (!report->damage.empty()) {
    e.Add("database", Health::kFault, fmt::format("{} is damaged: {}", file, report->damage),
          "stop the server, keep a copy of the file, then restore a backup (`forager restore`)");
    return;
  }
  if (report->schema_version > report->known_version)
    e.Add("database", Health::kFault,
          fmt::format("it has schema version {}, made by a newer forager; this one knows up to {}",
                      report->schema_version, report->known_version),
          "use the newer program");
  if (report->newest && *report->newest > e.client.Now() + 60s)
    e.Add(
        "clock", Health::kFault,
        fmt::format("the newest job was made {} in the future: the clock was set back, or is wrong",
                    LongSpan(*report->newest - e.client.Now())),
        "set the clock, and let NTP keep it");
  std::string whole = file.empty() ? "it answers"
                      : e.thorough ? "whole, with every index"
                      : report->complete
                          ? "whole"
                          : "no damage in what was read in 20 s; --thorough reads all of it";
  e.Ok("database", fmt::format("{} (schema version {})", whole, report->schema_version));
  if (!e.up && e.server_pid == 0) CheckRowsOfDatabase(e, *report);
}

void CheckMonitor(Examination& e) {
  if (!e.allowed) return;
  auto monitor = e.client.Get("/monitor");
  if (!monitor) return e.Add("monitor", Health::kWarning, monitor.error().detail, "look again");
  WallTime now = e.client.Now();
  std::string error = TextAt(*monitor, "last_error");
  auto last = TimeAt(*monitor, "last_run"), next = TimeAt(*monitor, "next_run");
  Millis interval(
      static_cast<std::int64_t>(NumberAt(*monitor, "interval_seconds").value_or(300) * 1e3));
  if (!IsTrue(*monitor, "enabled"))
    e.Add("monitor", Health::kWarning, "off: jobs set to running by hand are not found",
          "unset ARTITEC_JOB_MONITOR_ENABLED=0 and start the server again");
  else if (!error.empty())
    e.Add("monitor", Health::kFault, "its last look failed: " + error,
          "mend what it names; it looks again by itself");
  else if (next && *next + interval + 10s < now)
    e.Add("monitor", Health::kFault,
          fmt::format("it should have looked {} ago and did not", LongSpan(now - *next)),
          "the server's main loop may hang: its log says more; start it again");
  else
    e.Ok("monitor", last ? fmt::format("looked {} ago, {} reset in all", LongSpan(now - *last),
                                       TextAt(*monitor, "reset_total"))
                         : "waits for its first look");
}

void CheckDispatch(Examination& e) {
  if (!e.allowed) return;
  auto dispatch = e.client.Get("/dispatch"), stats = e.client.Get("/stats");
  if (!dispatch || !stats) return;
  std::int64_t pending = WholeAt(*stats, "pending_jobs");
  double oldest = NumberAt(*stats, "oldest_pending_seconds").value_or(0);
  auto stuck = NumberAt(*stats, "stuck_running");
  if (!stuck)
    e.Add("dispatch", Health::kWarning, "the server does not know whether jobs are stuck",
          "`forager monitor` has the reason as its last error");
  if (stuck && *stuck > 0)
    e.Add("dispatch", Health::kFault,
          fmt::format("the server itself counts {:.0f} stuck job(s)", *stuck),
          "`forager jobs list --status running` shows them; the monitor resets them in time");
  if (IsTrue(*dispatch, "paused"))
    e.Add("dispatch", Health::kWarning,
          fmt::format("paused, while {} job(s) wait", Grouped(pending)),
          "`forager dispatch resume`");
  else if (pending > 0 && TextAt(*dispatch, "mode") == "on_request" && oldest > 86'400)
    e.Add("dispatch", Health::kNote,
          fmt::format("{} job(s) wait to be asked for, the oldest for {}", Grouped(pending),
                      LongSpan(Millis(static_cast<std::int64_t>(oldest * 1e3)))),
          "`forager execute-pending`, or dispatch = \"automatic\"");
  else
    e.Ok("dispatch",
         fmt::format("{}, {} job(s) wait", TextAt(*dispatch, "mode"), Grouped(pending)));
}

// By its name, which everybody may read: it is a child of the server.
bool HasKeeper(pid_t server) {
  return std::ranges::any_of(os::Descendants(server), [](pid_t pid) {
    return os::ReadSmallFile(fmt::format("/proc/{}/comm", pid)) == "forager-keeper\n";
  });
}

void CheckRunning(Examination& e) {
  if (e.allowed) CheckRowsOfServer(e);
  if (!e.local) return;
  std::vector<int> left = e.machine.attempt_processes(e.data_dir);
  if (e.server_pid > 0) {
    // The keeper and all below it are the living server's.
    std::vector<pid_t> below = os::Descendants(e.server_pid);
    std::erase_if(
        left, [&](int pid) { return std::ranges::find(below, pid) != below.end() || !Lives(pid); });
  }
  if (!left.empty()) {
    e.Add("running", Health::kFault,
          fmt::format("{} process(es) of attempts with no server above them: {}", left.size(),
                      Pids(left)),
          "the next start of the server ends them, or end them by hand");
  }
  if (e.up && e.server_pid > 0 && !HasKeeper(e.server_pid))
    e.Add("running", Health::kWarning, "the server has no keeper just now: it cannot start jobs",
          "it starts a new one by itself within seconds");
}

}  // namespace forager::cli
