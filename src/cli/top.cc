// forager top: the whole screen, live; keys steer jobs through the API.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "cli/json_text.h"
#include "cli/live.h"
#include "cli/text.h"
#include "cli/top_view.h"
#include "cli/tree.h"
#include "os/signal_reader.h"

namespace forager::cli {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;

constexpr milliseconds kSettingsEvery{5'000};
constexpr std::size_t kSeconds = 60;  // of ended jobs that are remembered

class Top {
 public:
  explicit Top(Client& client) : client_(client) { model_.server = OneLine(client.server.url); }

  // One picture without the screen, for a pipe.
  int Once() {
    auto read = Read();
    if (!read) return client_.Complain(read.error());
    for (const std::string& line : Draw({client_.screen.columns, 24})) client_.out.Line(line);
    return kDone;
  }

  int Run() {
    // A server that refuses us is told in the ordinary way, before the screen is taken.
    if (auto read = Read(); !read) return client_.Complain(read.error());
    LiveEnd end;
    {
      RawTerminal terminal(STDIN_FILENO, STDOUT_FILENO);
      LiveOptions live;
      live.types = "job,stats,monitor";
      live.interval = milliseconds(1'000);
      live.least = milliseconds(200);
      live.on_keys = [this](std::string_view keys) { return Keys(keys); };
      live.on_resize = [this] { Show(); };
      live.on_stop = [&](bool leave) {
        leave ? terminal.Leave() : terminal.Enter();
        if (!leave) Show();
      };
      stop_ = [&] {
        live.on_stop(true);
        os::StopSelf();
        live.on_stop(false);
      };
      end = WatchLive(client_, live, [this] { return Look(); });
    }
    return end.signal != 0 ? 128 + end.signal : kDone;
  }

 private:
  bool Look() {
    NoteTrouble(Read());
    Show();
    return true;
  }

  void NoteTrouble(const Result<void>& read) {
    if (read)
      model_.trouble.clear();
    else if (read.error().detail != kInterruptedCall)
      model_.trouble = OneLine(read.error().detail);
  }

  Result<void> Read() {
    auto stats = client_.Get("/stats");
    if (!stats) return std::unexpected(stats.error());
    TakeStats(*stats);
    os::Steady now = os::SystemClock().SteadyNow();
    if (!settings_read_ || now - *settings_read_ >= kSettingsEvery) {
      if (auto done = ReadSettings(); !done) return done;
      settings_read_ = now;
    }
    if (model_.detail) return ReadDetail();
    return ReadJobs();
  }

  void TakeStats(const json::value& stats) {
    std::int64_t before = model_.completed + model_.failed + model_.cancelled;
    model_.total = WholeAt(stats, "total_jobs");
    model_.pending = WholeAt(stats, "pending_jobs");
    model_.running = WholeAt(stats, "running_jobs");
    model_.completed = WholeAt(stats, "completed_jobs");
    model_.failed = WholeAt(stats, "failed_jobs");
    model_.cancelled = WholeAt(stats, "cancelled_jobs");
    model_.stuck = NumberAt(stats, "stuck_running");
    std::int64_t ended = model_.completed + model_.failed + model_.cancelled - before;
    os::Steady now = os::SystemClock().SteadyNow();
    if (!second_) {  // the first reading has nothing to be compared with
      second_ = now;
      return;
    }
    if (model_.finished.empty()) model_.finished.push_back(0);
    for (; now - *second_ >= milliseconds(1'000); *second_ += milliseconds(1'000))
      model_.finished.push_back(0);
    while (model_.finished.size() > kSeconds) model_.finished.pop_front();
    model_.finished.back() += std::max<std::int64_t>(0, ended);
  }

  Result<void> ReadSettings() {
    auto dispatch = client_.Get("/dispatch"), monitor = client_.Get("/monitor"),
         types = client_.Get("/types"), me = client_.Get("/me");
    for (const auto* answer : {&dispatch, &monitor, &types, &me}) {
      if (!*answer) return std::unexpected(answer->error());
    }
    model_.version = OneLine(TextAt(*me, "version"));
    model_.mode = OneLine(TextAt(*dispatch, "mode"));
    model_.max_running = static_cast<int>(WholeAt(*dispatch, "max_running"));
    model_.paused = IsTrue(*dispatch, "paused");
    model_.paused_types.clear();
    if (const json::array* paused = At(*dispatch, "paused_types").if_array()) {
      for (const json::value& type : *paused)
        model_.paused_types +=
            (model_.paused_types.empty() ? "" : ", ") + OneLine(TextAt(type, ""));
    }
    model_.monitor_enabled = IsTrue(*monitor, "enabled");
    model_.monitor_last = TimeAt(*monitor, "last_run");
    model_.monitor_next = TimeAt(*monitor, "next_run");
    model_.monitor_error = OneLine(TextAt(*monitor, "last_error"));
    default_limit_ = NumberAt(*types, "defaults.timeout_minutes").value_or(0);
    if (const json::array* list = At(*types, "types").if_array()) {
      for (const json::value& type : *list)
        limits_[TextAt(type, "entity_type")] = NumberAt(type, "timeout_minutes").value_or(0);
    }
    return {};
  }

  TopJob View(const json::value& job) {
    TopJob view;
    view.job_id = OneLine(TextAt(job, "job_id"));
    view.entity_type = OneLine(TextAt(job, "entity_type"));
    view.job_type = OneLine(TextAt(job, "job_type"));
    view.status = OneLine(TextAt(job, "status"));
    view.stage = OneLine(TextAt(job, "progress.stage") + " " + TextAt(job, "progress.message"));
    for (const char* name : {"error_message", "search_query", "target_url", "entity_id"}) {
      if (view.about.empty()) view.about = OneLine(TextAt(job, name));
    }
    view.percent = NumberAt(job, "progress.percent").value_or(-1);
    view.attempt = static_cast<int>(WholeAt(job, "attempt"));
    view.created_at = TimeAt(job, "created_at");
    view.started_at = TimeAt(job, "started_at");
    view.completed_at = TimeAt(job, "completed_at");
    view.run_at = TimeAt(job, "next_run_at");
    auto type = limits_.find(TextAt(job, "entity_type"));
    double minutes = NumberAt(job, "timeout_minutes")
                         .value_or(type == limits_.end() ? default_limit_ : type->second);
    if (minutes > 0) view.limit = Millis(static_cast<std::int64_t>(minutes * 60e3));
    return view;
  }

  Result<void> ReadJobs() {
    Query query;
    query.Add("page_size", 100);
    if (model_.list == TopList::kRunning) query.Add("status", "running").Add("sort", "started_at");
    if (model_.list == TopList::kPending) query.Add("status", "pending").Add("sort", "created_at");
    if (model_.list == TopList::kFailed) query.Add("status", "failed").Add("sort", "-completed_at");
    auto page = client_.Get(query.On("/jobs"));
    if (!page) return std::unexpected(page.error());
    std::string chosen = Chosen();
    model_.jobs.clear();
    model_.in_list = WholeAt(*page, "total");
    if (const json::array* jobs = At(*page, "jobs").if_array()) {
      for (const json::value& job : *jobs) model_.jobs.push_back(View(job));
    }
    // The choice follows its job.
    auto found = std::ranges::find(model_.jobs, chosen, &TopJob::job_id);
    if (found != model_.jobs.end())
      model_.selected = static_cast<std::size_t>(found - model_.jobs.begin());
    model_.selected = std::min(model_.selected, model_.jobs.empty() ? 0 : model_.jobs.size() - 1);
    return {};
  }

  Result<void> ReadDetail() {
    auto job = client_.Get(JobPath(looked_at_)), why = client_.Get(JobPath(looked_at_, "/explain"));
    if (!job) return Gone(job.error());
    if (!why) return Gone(why.error());
    auto head = client_.Get(Query().Add("limit", 1).On(JobPath(looked_at_, "/logs")));
    if (!head) return Gone(head.error());
    std::int64_t rows = TopRows(TerminalSize(STDOUT_FILENO)), total = WholeAt(*head, "total_logs");
    auto logs = client_.Get(Query()
                                .Add("limit", std::max<std::int64_t>(1, rows))
                                .Add("offset", std::max<std::int64_t>(0, total - rows))
                                .On(JobPath(looked_at_, "/logs")));
    if (!logs) return Gone(logs.error());
    TopJob view = View(*job);
    std::vector<std::string> above = {fmt::format("{}  {}/{}  {}  attempt {}", view.job_id,
                                                  view.entity_type, view.job_type, view.status,
                                                  view.attempt)};
    if (view.status == "running")
      above.push_back(fmt::format("{} {:3.0f}%  {}", Bar(view.percent / 100, 30, client_.utf8),
                                  std::max(0.0, view.percent), view.stage));
    if (!view.about.empty()) above.push_back(view.about);
    if (const json::array* reasons = At(*why, "reasons").if_array()) {
      for (const json::value& reason : *reasons)
        above.push_back("  " + OneLine(TextAt(reason, "message")));
    }
    above.emplace_back();
    std::vector<std::string> below;
    if (const json::array* lines = At(*logs, "logs").if_array()) {
      for (const json::value& line : *lines)
        below.push_back(fmt::format("{} {}", Pad(OneLine(TextAt(line, "level")), 7),
                                    OneLine(TextAt(line, "message"))));
    }
    std::size_t room = static_cast<std::size_t>(
        std::max<std::int64_t>(1, rows + 1 - static_cast<std::int64_t>(above.size())));
    if (below.size() > room)
      below.erase(below.begin(), below.end() - static_cast<std::ptrdiff_t>(room));
    above.insert(above.end(), below.begin(), below.end());
    model_.detail_lines = std::move(above);
    return {};
  }

  Result<void> Gone(const Error& error) {
    if (error.code != ErrorCode::kNotFound) return std::unexpected(error);
    model_.detail = false;
    model_.message = "The job was deleted.";
    return {};
  }

  std::string Chosen() const {
    if (model_.detail) return looked_at_;
    return model_.selected < model_.jobs.size() ? model_.jobs[model_.selected].job_id : "";
  }

  // --- keys

  bool Keys(std::string_view keys) {
    bool go_on = true;
    while (!keys.empty() && go_on) {
      std::size_t length = keys.starts_with("\x1b[") || keys.starts_with("\x1bO")
                               ? std::min<std::size_t>(3, keys.size())
                               : 1;
      go_on = Key(keys.substr(0, length));
      keys.remove_prefix(length);
    }
    if (go_on) {
      NoteTrouble(Read());
      Show();
    }
    return go_on;
  }

  bool Key(std::string_view key) {
    if (key == "\x03") return false;
    if (key == "\x1a") {
      stop_();
      return true;
    }
    if (question_) {
      auto act = std::exchange(question_, nullptr);
      model_.message.clear();
      if (key == "y" || key == "Y") act();
      return true;
    }
    model_.message.clear();
    if (key == "q") return false;
    if (key == "?")
      model_.help = !model_.help;
    else if (key == "\x1b")
      model_.help = model_.detail = false;
    else if (key == "\x1b[A" || key == "\x1bOA" || key == "k")
      Choose(-1);
    else if (key == "\x1b[B" || key == "\x1bOB" || key == "j")
      Choose(1);
    else if (key == "\t")
      SwitchTo(static_cast<TopList>((static_cast<int>(model_.list) + 1) % 4));
    else if (key >= "1" && key <= "4" && key.size() == 1)
      SwitchTo(static_cast<TopList>(key[0] - '1'));
    else if (key == "\r" || key == "\n")
      LookAtChosen();
    else
      Order(key);
    return true;
  }

  void Choose(int step) {
    if (model_.detail || model_.jobs.empty()) return;
    auto last = static_cast<std::int64_t>(model_.jobs.size()) - 1;
    model_.selected = static_cast<std::size_t>(
        std::clamp<std::int64_t>(static_cast<std::int64_t>(model_.selected) + step, 0, last));
  }

  void SwitchTo(TopList list) {
    model_.list = list;
    model_.detail = model_.help = false;
    model_.selected = 0;
    model_.jobs.clear();
  }

  void LookAtChosen() {
    if (model_.detail || Chosen().empty()) return;
    looked_at_ = Chosen();
    model_.detail = true;
    model_.help = false;
    model_.detail_lines.clear();
  }

  void Order(std::string_view key) {
    std::string id = Chosen();
    if (key == "e") return Tell(client_.Post("/jobs/execute-pending"), "");
    if (key == "p") {
      const char* what = model_.paused ? "resume" : "pause";
      return Ask(fmt::format("{} dispatch of all jobs?", what), [this, what] {
        Tell(client_.Send("POST", fmt::format("/dispatch/{}", what), json::object()),
             fmt::format("dispatch: {}d", what));
        settings_read_.reset();
      });
    }
    if (id.empty()) return;
    if (key == "s") Tell(client_.Post(JobPath(id, "/start")), id + " started");
    if (key == "r") Tell(client_.Post(JobPath(id, "/retry")), id + " is pending again");
    if (key == "c")
      Ask(fmt::format("cancel {}?", id),
          [this, id] { Tell(client_.Post(JobPath(id, "/cancel")), id + " is cancelled"); });
  }

  void Ask(const std::string& what, std::function<void()> act) {
    model_.message = what + " y/n";
    question_ = std::move(act);
  }

  void Tell(const Result<json::value>& answer, const std::string& done) {
    std::string said = answer ? TextAt(*answer, "message") : answer.error().detail;
    model_.message = OneLine(answer && !done.empty() ? done : said);
  }

  // --- the screen

  std::vector<std::string> Draw(ScreenSize size) const {
    return DrawTop(model_, size, client_.style, client_.utf8, client_.Now());
  }

  void Show() {
    std::string screen = "\x1b[H";
    std::vector<std::string> lines = Draw(TerminalSize(STDOUT_FILENO));
    for (std::size_t i = 0; i < lines.size(); ++i)
      screen += lines[i] + (i + 1 < lines.size() ? "\x1b[K\n" : "\x1b[K\x1b[J");
    client_.out.Write(screen);
    client_.out.Flush();
  }

  Client& client_;
  TopModel model_;
  std::map<std::string, double> limits_;
  double default_limit_ = 0;
  std::optional<os::Steady> settings_read_, second_;
  std::string looked_at_;
  std::function<void()> question_, stop_;
};

}  // namespace

void AddTop(CLI::App& root, Session& session) {
  auto once = std::make_shared<bool>(false);
  CLI::App& top = AddCommand(
      root, session,
      {"top", "watch the server on the whole screen, live",
       "Keys: q quits, ? lists the others. Jobs go on when it ends.",
       "forager top\n# one picture, for a file\nforager top --once > now.txt\n"},
      [once](Client& client) {
        if (*once) return Top(client).Once();
        if (!client.out_is_terminal || !IsTerminal(STDIN_FILENO))
          return Complain(
              "top needs a terminal",
              "`forager top --once` prints one picture, `forager stats -o json` is for scripts",
              kUsage);
        return Top(client).Run();
      });
  top.group("Server");
  AddFlag(top, "--once", *once, "print one picture and end");
}

}  // namespace forager::cli
