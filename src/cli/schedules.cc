// schedules: jobs that make themselves, by cron expression or once.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "cli/job_body.h"
#include "cli/job_filter.h"
#include "cli/json_text.h"
#include "cli/rows.h"
#include "cli/text.h"
#include "cli/tree.h"

namespace forager::cli {
namespace {

namespace json = boost::json;

constexpr std::string_view kHint = "`forager schedules list` shows the schedules there are";

constexpr Column kColumns[] = {
    {"NAME", "name", Show::kText, 30},    {"WHEN", "when", Show::kText, 40},
    {"PAUSED", "paused", Show::kYesNo},   {"NEXT", "next_run_at", Show::kDue},
    {"LAST", "last_due_at", Show::kAge},  {"RESULT", "last_result"},
    {"JOBS", "submitted", Show::kNumber}, {"MAKES", "makes", Show::kText, 60},
};
constexpr Column kFields[] = {
    {"", "id"},           {"", "name"},        {"", "cron"},        {"", "run_at"},
    {"", "time_zone"},    {"", "overlap"},     {"", "missed"},      {"", "paused"},
    {"", "next_run_at"},  {"", "last_due_at"}, {"", "last_result"}, {"", "last_job_id"},
    {"", "submitted"},    {"", "skipped"},     {"", "missed_runs"}, {"", "job.entity_type"},
    {"", "job.job_type"},
};
constexpr Column kFacts[] = {
    {"Schedule", "name"},
    {"Id", "id"},
    {"Cron", "cron"},
    {"Once at", "run_at"},
    {"In words", "words"},
    {"Time zone", "time_zone"},
    {"Paused", "paused", Show::kYesNo},
    {"Overlap", "overlap"},
    {"Missed", "missed"},
    {"Makes", "job"},
    {"Next", "next_run_at", Show::kDue},
    {"Last due", "last_due_at", Show::kAge},
    {"Last result", "last_result"},
    {"Last job", "last_job_id"},
    {"Active jobs", "active_jobs", Show::kNumber},
    {"Made", "submitted", Show::kNumber},
    {"Skipped", "skipped", Show::kNumber},
    {"Missed runs", "missed_runs", Show::kNumber},
};
constexpr Column kNextRuns[] = {{"NEXT RUNS", "local"}, {"UTC", "at"}, {"IN", "at", Show::kDue}};
constexpr Column kRuns[] = {
    {"DUE", "due_at"},    {"AGO", "at", Show::kAge}, {"KIND", "kind"},
    {"RESULT", "result"}, {"JOB", "job_id"},         {"WHY", "message", Show::kText, 200},
};

std::string PathOf(const std::string& schedule, std::string_view tail = {}) {
  return fmt::format("/schedules/{}{}", http::PercentEncode(schedule), tail);
}

json::value Row(const json::value& schedule) {
  json::object row = schedule.get_object();
  std::string words = TextAt(schedule, "words");
  row["when"] = !words.empty() ? words : TextAt(schedule, "cron") + TextAt(schedule, "run_at");
  row["makes"] = TextAt(schedule, "job.entity_type") + "/" + TextAt(schedule, "job.job_type");
  return row;
}

int List(Client& client) {
  bool table = client.format == Format::kTable, csv = client.format == Format::kCsv;
  RowWriter rows(client, csv ? std::span<const Column>(kFields) : kColumns);
  for (int page = 1;; ++page) {
    auto answer = client.Get(Query().Add("page", page).Add("page_size", 100).On("/schedules"));
    if (!answer) return client.Complain(answer.error());
    const json::array* list = At(*answer, "schedules").if_array();
    for (const json::value& one : list ? *list : json::array())
      rows.Add(table && one.is_object() ? Row(one) : one);
    if (!list || list->size() < 100) break;
  }
  rows.End("No schedules. `forager schedules create --help` shows how to make one.");
  return kDone;
}

void Print(Client& client, const json::value& schedule) {
  PrintFacts(client, schedule, kFacts);
  const json::array* next = At(schedule, "next_runs").if_array();
  if (client.format != Format::kTable || !next || next->empty()) return;
  client.out.Line("");
  RowWriter rows(client, kNextRuns);
  for (const json::value& one : *next) rows.Add(one);
  rows.End();
}

int Get(Client& client, const std::string& id) {
  auto schedule = client.Get(PathOf(id));
  if (!schedule) return client.Complain(schedule.error(), kHint);
  Print(client, *schedule);
  return kDone;
}

int Runs(Client& client, const std::string& id) {
  auto answer = client.Get(PathOf(id, "/runs?limit=100"));
  if (!answer) return client.Complain(answer.error(), kHint);
  RowWriter rows(client, kRuns);
  if (const json::array* runs = At(*answer, "runs").if_array()) {
    for (const json::value& run : *runs) rows.Add(run);
  }
  rows.End("It has not been due yet.");
  return kDone;
}

struct CreateOptions {
  std::string name, cron, at, zone, overlap, missed;
  std::int64_t catch_up = 0;
  bool paused = false;
  JobBody job;
};

int Create(Client& client, const CreateOptions& options) {
  if (options.cron.empty() == options.at.empty())
    return Complain("a schedule needs either --cron or --at",
                    "`forager schedules create --help` shows examples", kUsage);
  auto job = options.job.Read();
  if (!job) return client.Complain(job.error());
  json::object body{{"name", options.name}, {"job", std::move(*job)}};
  if (!options.cron.empty()) body["cron"] = options.cron;
  if (!options.at.empty()) {
    auto at = ParseMoment(options.at, client.Now(), true);
    if (!at) return client.Complain(at.error());
    body["run_at"] = FormatRfc3339(*at);
  }
  for (const auto& [name, value] : {std::pair("time_zone", &options.zone),
                                    {"overlap", &options.overlap},
                                    {"missed", &options.missed}}) {
    if (!value->empty()) body[name] = *value;
  }
  if (options.catch_up > 0) body["max_catch_up"] = options.catch_up;
  if (options.paused) body["paused"] = true;
  auto made = client.Send("POST", "/schedules", body);
  if (!made)
    return client.Complain(made.error(), "`forager schedules create --help` shows examples");
  if (client.format == Format::kTable)
    client.out.Line(fmt::format("{} created", OneLine(options.name)));
  Print(client, *made);
  return kDone;
}

int SetPaused(Client& client, const std::vector<std::string>& ids, bool paused) {
  int code = kDone;
  for (const std::string& id : ids) {
    auto changed = client.Send("PATCH", PathOf(id), json::object{{"paused", paused}});
    if (!changed)
      code = client.Complain(changed.error(), kHint);
    else if (client.format != Format::kTable)
      client.PrintJson(*changed);
    else
      client.out.Line(fmt::format("{} {}", OneLine(id), paused ? "paused" : "goes on"));
  }
  return code;
}

int RunNow(Client& client, const std::string& id) {
  auto job = client.Post(PathOf(id, "/run"));
  if (!job) return client.Complain(job.error(), kHint);
  if (client.format != Format::kTable)
    client.PrintJson(*job);
  else
    client.out.Line(fmt::format("{} created", OneLine(TextAt(*job, "job_id"))));
  return kDone;
}

int Delete(Client& client, const std::vector<std::string>& ids) {
  int code = kDone;
  for (const std::string& id : ids) {
    auto gone = client.Delete(PathOf(id));
    if (!gone)
      code = client.Complain(gone.error(), kHint);
    else if (client.format != Format::kTable)
      client.PrintJson(*gone);
    else
      client.out.Line(fmt::format("{} deleted", OneLine(id)));
  }
  return code;
}

int Preview(Client& client, const std::string& cron, const std::string& zone) {
  json::object body{{"cron", cron}};
  if (!zone.empty()) body["time_zone"] = zone;
  auto answer = client.Send("POST", "/schedules/preview", body);
  if (!answer) return client.Complain(answer.error());
  if (client.format == Format::kTable) {
    client.out.Line(OneLine(TextAt(*answer, "words")));
    client.out.Line("");
  }
  if (client.json()) {
    client.PrintJson(*answer);
    return kDone;
  }
  RowWriter rows(client, kNextRuns);
  if (const json::array* next = At(*answer, "next_runs").if_array()) {
    for (const json::value& one : *next) rows.Add(one);
  }
  rows.End("It is never due.");
  return kDone;
}

void AddCreate(CLI::App& schedules, Session& session) {
  auto options = std::make_shared<CreateOptions>();
  CLI::App& create = AddCommand(
      schedules, session,
      {"create", "make a schedule", "",
       "# every night at half past two in Berlin, summer and winter\n"
       "forager schedules create nightly --cron '30 2 * * *' --zone Europe/Berlin -t property -j "
       "inventory\n"
       "# once, in two hours\n"
       "forager schedules create once --at 2h -t community -j discovery -u https://example.com/\n"},
      [options](Client& client) { return Create(client, *options); });
  AddArgument(create, "NAME", options->name, "what it is called");
  AddOption(create, "--cron", options->cron, "CRON", "five fields, or @daily and its like");
  AddOption(create, "--at", options->at, "TIME", "once: 10m, 2h (from now), or RFC 3339");
  AddOption(create, "-z,--zone", options->zone, "ZONE",
            "time zone of --cron, such as Europe/Berlin [UTC]");
  AddOption(create, "--overlap", options->overlap, "OVERLAP",
            "when its last job is not over: skip, queue or cancel_old [skip]");
  AddOption(create, "--missed", options->missed, "MISSED",
            "due times while no server ran: none, once or all [once]");
  AddOption(create, "--max-catch-up", options->catch_up, "N",
            "of --missed all, at most so many [10]");
  AddFlag(create, "--paused", options->paused, "begin paused");
  options->job.AddTo(create);
}

}  // namespace

void AddScheduleCommands(CLI::App& root, Session& session) {
  CLI::App& schedules = AddGroup(
      root, {"schedules", "jobs that make themselves, by cron expression or once", "", ""});
  schedules.group("Jobs");
  AddCommand(schedules, session, {"list", "list schedules", "", ""}, List);
  auto one = [&](const Words& words, int (*act)(Client&, const std::string&)) {
    auto id = std::make_shared<std::string>();
    AddArgument(AddCommand(schedules, session, words,
                           [id, act](Client& client) { return act(client, *id); }),
                "SCHEDULE", *id, "name or id");
  };
  auto many = [&](const Words& words,
                  std::function<int(Client&, const std::vector<std::string>&)> act) {
    auto ids = std::make_shared<std::vector<std::string>>();
    AddArguments(AddCommand(schedules, session, words,
                            [ids, act](Client& client) { return act(client, *ids); }),
                 "SCHEDULE", *ids, "names or ids");
  };
  one({"get", "show a schedule and its next runs", "", "forager schedules get nightly\n"}, Get);
  AddCreate(schedules, session);
  many({"pause", "make no more jobs until resumed", "", ""},
       [](Client& client, const auto& ids) { return SetPaused(client, ids, true); });
  many({"resume", "make jobs again", "", ""},
       [](Client& client, const auto& ids) { return SetPaused(client, ids, false); });
  one({"run", "make its job now", "", "forager schedules run nightly\n"}, RunNow);
  one({"runs", "list what became of its due times", "", ""}, Runs);
  many({"delete", "delete schedules; their jobs stay", "", ""}, Delete);
  struct Wish {
    std::string cron, zone;
  };
  auto wish = std::make_shared<Wish>();
  CLI::App& preview =
      AddCommand(schedules, session,
                 {"preview", "say in words when an expression is due", "",
                  "forager schedules preview '*/15 9-17 * * MON-FRI' --zone America/New_York\n"},
                 [wish](Client& client) { return Preview(client, wish->cron, wish->zone); });
  AddArgument(preview, "CRON", wish->cron, "five fields, or @daily and its like");
  AddOption(preview, "-z,--zone", wish->zone, "ZONE", "time zone [UTC]");
}

}  // namespace forager::cli
