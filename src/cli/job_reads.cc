// jobs list, get, attempts and explain.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "cli/job_filter.h"
#include "cli/job_view.h"
#include "cli/json_text.h"
#include "cli/rows.h"
#include "cli/text.h"
#include "cli/tree.h"

namespace forager::cli {
namespace {

namespace json = boost::json;

constexpr std::string_view kListHint = "`forager jobs list` shows the jobs there are";

constexpr Column kJobColumns[] = {
    {"JOB", "job_id"},
    {"TYPE", "entity_type", Show::kText, 16},
    {"KIND", "job_type", Show::kText, 14, 95},
    {"STATUS", "status", Show::kState},
    {"DONE", "progress.percent", Show::kPercent},
    {"TRY", "attempt", Show::kNumber, 40, 95},
    {"AGE", "created_at", Show::kAge},
    {"ABOUT", "about", Show::kText, 200},
};
constexpr Column kJobFields[] = {
    {"", "job_id"},
    {"", "entity_type"},
    {"", "job_type"},
    {"", "status"},
    {"", "priority"},
    {"", "attempt"},
    {"", "max_attempts"},
    {"", "progress.percent"},
    {"", "progress.stage"},
    {"", "items_found"},
    {"", "changes_detected"},
    {"", "new_entities_found"},
    {"", "unreadable_events"},
    {"", "search_query"},
    {"", "target_url"},
    {"", "entity_id"},
    {"", "parent_job_id"},
    {"", "error_class"},
    {"", "error_message"},
    {"", "created_at"},
    {"", "started_at"},
    {"", "completed_at"},
    {"", "run_at"},
    {"", "node"},
    {"", "initiated_by"},
};
constexpr Column kAttemptColumns[] = {
    {"TRY", "attempt", Show::kNumber},
    {"OUTCOME", "shown_outcome", Show::kState},
    {"STARTED", "started_at", Show::kAge},
    {"RAN", "ran", Show::kSeconds},
    {"PID", "pid"},
    {"EXIT", "exit_code"},
    {"SIGNAL", "signal"},
    {"CPU", "cpu", Show::kSeconds},
    {"MEMORY", "memory", Show::kBytes},
    {"ERROR", "error_message", Show::kText, 200},
};
constexpr Column kAttemptFields[] = {
    {"", "attempt"},       {"", "outcome"},    {"", "error_class"}, {"", "error_message"},
    {"", "started_at"},    {"", "ended_at"},   {"", "released_at"}, {"", "node"},
    {"", "pid"},           {"", "exit_code"},  {"", "signal"},      {"", "cpu_user_ms"},
    {"", "cpu_system_ms"}, {"", "max_rss_kb"}, {"", "survivors"},
};

struct ListOptions {
  JobFilter filter;
  std::string sort;
  std::int64_t limit = 30;
  bool ids = false;
};

// What the job is about, in the room that is left.
json::value WithAbout(const json::value& job) {
  json::object row = job.get_object();
  for (const char* name : {"error_message", "search_query", "target_url", "entity_id"}) {
    std::string text = TextAt(job, name);
    if (text.empty()) continue;
    row["about"] = text;
    break;
  }
  return row;
}

int ListJobs(Client& client, const ListOptions& options) {
  auto wish = options.filter.AsQuery(client.Now());
  if (!wish) return client.Complain(wish.error());
  wish->Add("sort", options.sort);
  bool table = client.format == Format::kTable;
  bool csv = client.format == Format::kCsv;
  RowWriter rows(client, csv ? std::span<const Column>(kJobFields) : kJobColumns);
  std::int64_t left = options.limit == 0 ? std::numeric_limits<std::int64_t>::max() : options.limit;
  std::string cursor, total;
  std::int64_t shown = 0;
  do {
    Query query = *wish;
    query.Add("page_size", std::min<std::int64_t>(left, 100)).Add("cursor", cursor);
    auto page = client.Get(query.On("/jobs"));
    if (!page) return client.Complain(page.error(), "`forager jobs list --help` shows the filters");
    const json::array* jobs = At(*page, "jobs").if_array();
    if (!jobs) break;
    for (const json::value& job : *jobs) {
      if (left-- <= 0) break;
      ++shown;
      if (options.ids) {
        client.out.Line(OneLine(TextAt(job, "job_id")));
      } else {
        rows.Add(table && job.is_object() ? WithAbout(job) : job);
      }
    }
    if (total.empty())
      total = Grouped(WholeAt(*page, "total")) + (IsTrue(*page, "total_capped") ? "+" : "");
    cursor = TextAt(*page, "next_cursor");
  } while (!cursor.empty() && left > 0);
  if (options.ids) return kDone;
  rows.End(options.filter.empty()
               ? "No jobs yet. `forager jobs create --help` shows how to make one."
               : "No job fits.");
  if (table && client.out_is_terminal && !cursor.empty())
    client.Note(fmt::format("{} of {} jobs; --limit 0 lists them all.", shown, total));
  return kDone;
}

json::value AttemptRow(const json::value& attempt, WallTime now) {
  json::object row = attempt.get_object();
  std::string outcome = TextAt(attempt, "outcome");
  row["shown_outcome"] = !outcome.empty()                      ? outcome
                         : TextAt(attempt, "ended_at").empty() ? "running"
                                                               : "ended";
  auto begin = TimeAt(attempt, "started_at"), end = TimeAt(attempt, "ended_at");
  if (begin) row["ran"] = static_cast<double>((end.value_or(now) - *begin).count()) / 1e3;
  auto user = NumberAt(attempt, "cpu_user_ms"), system = NumberAt(attempt, "cpu_system_ms");
  if (user && system) row["cpu"] = (*user + *system) / 1e3;
  if (auto memory = NumberAt(attempt, "max_rss_kb")) row["memory"] = *memory * 1024;
  return row;
}

int ListAttempts(Client& client, const std::string& id) {
  auto answer = client.Get(JobPath(id, "/attempts"));
  if (!answer) return client.Complain(answer.error(), kListHint);
  bool table = client.format == Format::kTable;
  bool csv = client.format == Format::kCsv;
  RowWriter rows(client, csv ? std::span<const Column>(kAttemptFields) : kAttemptColumns);
  if (const json::array* attempts = At(*answer, "attempts").if_array()) {
    for (const json::value& attempt : *attempts)
      rows.Add(table && attempt.is_object() ? AttemptRow(attempt, client.Now()) : attempt);
  }
  rows.End("It has not been tried yet.");
  return kDone;
}

int GetJobs(Client& client, const std::vector<std::string>& ids) {
  int code = kDone;
  RowWriter rows(client, kJobFields);
  for (const std::string& id : ids) {
    auto job = client.Get(JobPath(id));
    if (!job) {
      code = client.Complain(job.error(), kListHint);
    } else if (client.format == Format::kTable) {
      if (ids.size() > 1 && id != ids.front()) client.out.Line("");
      PrintJob(client, *job);
      client.out.Line("");
      ListAttempts(client, id);
    } else if (client.format == Format::kJson && ids.size() == 1) {
      client.PrintJson(*job);
    } else {
      rows.Add(*job);
    }
  }
  if (client.format != Format::kTable && !(client.format == Format::kJson && ids.size() == 1))
    rows.End();
  return code;
}

int Explain(Client& client, const std::string& id) {
  auto answer = client.Get(JobPath(id, "/explain"));
  if (!answer) return client.Complain(answer.error(), kListHint);
  if (client.json()) {
    client.PrintJson(*answer);
    return kDone;
  }
  static constexpr Column kColumns[] = {{"CODE", "code"}, {"REASON", "message", Show::kText, 400}};
  const json::array* reasons = At(*answer, "reasons").if_array();
  if (client.format == Format::kCsv) {
    RowWriter rows(client, kColumns);
    for (const json::value& reason : reasons ? *reasons : json::array()) rows.Add(reason);
    rows.End();
    return kDone;
  }
  std::string status = OneLine(TextAt(*answer, "status"));
  client.out.Line(
      fmt::format("{} is {}", OneLine(id), client.style.In(ToneOfState(status), status)));
  for (const json::value& reason : reasons ? *reasons : json::array()) {
    client.out.Line("  " + OneLine(TextAt(reason, "message")));
    std::string next = NextFor(TextAt(reason, "code"), OneLine(id));
    if (!next.empty()) client.out.Line(client.style.In(Tone::kDim, "    next: " + next));
  }
  return kDone;
}

}  // namespace

void AddJobReads(CLI::App& jobs, Session& session) {
  auto list = std::make_shared<ListOptions>();
  CLI::App& command =
      AddCommand(jobs, session,
                 {"list", "list jobs, newest first", "",
                  "# what failed since yesterday\n"
                  "forager jobs list --status failed --since 1d\n"
                  "# every job of a type, for a spreadsheet\n"
                  "forager jobs list --type community --limit 0 -o csv > jobs.csv\n"
                  "# try again all that failed of one type\n"
                  "forager jobs list -t builder -s failed --ids | xargs forager jobs retry\n"},
                 [list](Client& client) { return ListJobs(client, *list); });
  list->filter.AddTo(command);
  AddOption(command, "--sort", list->sort, "SORT",
            "created_at, started_at, completed_at, updated_at or priority; - first: descending");
  AddOption(command, "-L,--limit", list->limit, "N", "at most so many; 0: all [30]");
  AddFlag(command, "--ids", list->ids, "print ids only, for pipes");

  auto ids = std::make_shared<std::vector<std::string>>();
  AddArguments(AddCommand(jobs, session,
                          {"get", "show jobs with their attempts", "",
                           "forager jobs get JOB-1763918292-3K9QZ7T2AB\n"
                           "# only its state, for a script\n"
                           "forager jobs get JOB-1763918292-3K9QZ7T2AB -o json | jq -r .status\n"},
                          [ids](Client& client) { return GetJobs(client, *ids); }),
               "JOB_ID", *ids, "which jobs");

  auto id = std::make_shared<std::string>();
  AddArgument(
      AddCommand(jobs, session,
                 {"attempts", "show how each attempt of a job ended, and what it used", "", ""},
                 [id](Client& client) { return ListAttempts(client, *id); }),
      "JOB_ID", *id, "which job");
  AddArgument(AddCommand(jobs, session,
                         {"explain", "say why a job is running, waiting or over", "",
                          "forager jobs explain JOB-1763918292-3K9QZ7T2AB\n"},
                         [id](Client& client) { return Explain(client, *id); }),
              "JOB_ID", *id, "which job");
}

}  // namespace forager::cli
