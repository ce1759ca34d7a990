// What is asked of the server as a whole: execute-pending, reset-stuck, stats, monitor, types and
// dispatch.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "cli/json_text.h"
#include "cli/rows.h"
#include "cli/text.h"
#include "cli/tree.h"

namespace forager::cli {
namespace {

namespace json = boost::json;

constexpr Column kStats[] = {
    {"Jobs", "total_jobs", Show::kNumber},
    {"Pending", "pending_jobs", Show::kNumber},
    {"Running", "running_jobs", Show::kNumber},
    {"Completed", "completed_jobs", Show::kNumber},
    {"Failed", "failed_jobs", Show::kNumber},
    {"Cancelled", "cancelled_jobs", Show::kNumber},
    {"Success", "success_percent", Show::kPercent},
    {"Average run", "average_duration", Show::kSeconds},
    {"Oldest pending", "oldest_pending_seconds", Show::kSeconds},
    {"Items collected", "total_entities_collected", Show::kNumber},
    {"Changes found", "total_changes_detected", Show::kNumber},
    {"Stuck", "stuck_running", Show::kNumber},
    {"", "success_rate"},
};
constexpr Column kMonitor[] = {
    {"Enabled", "enabled", Show::kYesNo},
    {"Looks every", "interval_seconds", Show::kSeconds},
    {"Timeout", "timeout_minutes", Show::kMinutes},
    {"Last look", "last", Show::kText},
    {"Next look", "next_run", Show::kDue},
    {"Reset then", "reset_last_run", Show::kNumber},
    {"Reset in all", "reset_total", Show::kNumber},
    {"Last error", "last_error"},
    {"", "last_run"},
};
constexpr Column kTypes[] = {
    {"TYPE", "entity_type"},
    {"COLLECTOR", "collector"},
    {"TIMEOUT", "timeout_minutes", Show::kMinutes},
    {"HEARTBEAT", "heartbeat_timeout_seconds", Show::kSeconds},
    {"STALL", "stall_timeout_seconds", Show::kSeconds},
    {"TRIES", "max_attempts", Show::kNumber},
    {"MEMORY", "memory_bytes", Show::kBytes},
    {"AT ONCE", "max_running", Show::kNumber},
    {"", "priority"},
    {"", "max_processes"},
    {"", "max_scratch_bytes"},
    {"", "output"},
    {"", "directory"},
    {"", "environment"},
    {"", "grace_seconds"},
    {"", "backoff_seconds"},
    {"", "max_crashes"},
};
constexpr Column kDispatch[] = {
    {"Mode", "mode"},
    {"Paused", "paused", Show::kYesNo},
    {"Paused types", "types"},
    {"At once", "max_running", Show::kNumber},
    {"Per host", "max_running_per_host", Show::kNumber},
    {"Per type", "per_type"},
};

int ShowFacts(Client& client, const std::string& path, std::span<const Column> columns,
              void (*complete)(json::object&, WallTime) = nullptr) {
  auto answer = client.Get(path);
  if (!answer) return client.Complain(answer.error());
  if (complete && client.format == Format::kTable && answer->is_object())
    complete(answer->get_object(), client.Now());
  PrintFacts(client, *answer, columns);
  return kDone;
}

void CompleteStats(json::object& stats, WallTime) {
  if (auto rate = NumberAt(stats, "success_rate")) stats["success_percent"] = *rate * 100;
  if (!NumberAt(stats, "stuck_running")) stats["stuck_running"] = "unknown";
}

void CompleteMonitor(json::object& monitor, WallTime now) {
  auto last = TimeAt(monitor, "last_run");
  monitor["last"] = last ? ShortSpan(now - *last) + " ago" : "not yet";
}

int ShowTypes(Client& client) {
  auto answer = client.Get("/types");
  if (!answer) return client.Complain(answer.error());
  RowWriter rows(client, kTypes);
  if (const json::array* types = At(*answer, "types").if_array()) {
    for (const json::value& type : *types) rows.Add(type);
  }
  rows.End("No entity type is served.");
  return kDone;
}

int PrintDispatch(Client& client, Result<json::value> answer) {
  if (!answer) return client.Complain(answer.error(), "`forager types` lists the entity types");
  if (client.format == Format::kTable && answer->is_object()) {
    json::object& dispatch = answer->get_object();
    std::string types, limits;
    if (const json::array* paused = At(*answer, "paused_types").if_array()) {
      for (const json::value& type : *paused)
        types += (types.empty() ? "" : ", ") + TextAt(type, "");
    }
    if (const json::object* per_type = At(*answer, "max_running_per_type").if_object()) {
      for (const auto& limit : *per_type)
        limits += fmt::format("{}{} {}", limits.empty() ? "" : ", ", std::string(limit.key()),
                              TextAt(limit.value(), ""));
    }
    dispatch["types"] = types;
    dispatch["per_type"] = limits;
  }
  PrintFacts(client, *answer, kDispatch);
  return kDone;
}

int SwitchDispatch(Client& client, const std::string& what, const std::string& type) {
  json::object scope;
  if (!type.empty()) scope["entity_type"] = type;
  return PrintDispatch(client, client.Send("POST", "/dispatch/" + what, scope));
}

int PrintMessage(Client& client, const Result<json::value>& answer, bool with_ids) {
  if (!answer) return client.Complain(answer.error());
  if (client.format != Format::kTable) {
    client.PrintJson(*answer);
    return kDone;
  }
  client.out.Line(OneLine(TextAt(*answer, "message")));
  const json::array* ids = with_ids ? At(*answer, "job_ids").if_array() : nullptr;
  for (const json::value& id : ids ? *ids : json::array()) client.out.Line(OneLine(TextAt(id, "")));
  return kDone;
}

void AddDispatch(CLI::App& root, Session& session) {
  CLI::App& dispatch =
      AddGroup(root, {"dispatch", "see, pause and resume the start of pending jobs",
                      "Running jobs go on while dispatch is paused.", ""});
  dispatch.group("Server");
  AddCommand(dispatch, session, {"show", "show mode, limits and what is paused", "", ""},
             [](Client& client) { return PrintDispatch(client, client.Get("/dispatch")); });
  for (const char* what : {"pause", "resume"}) {
    auto type = std::make_shared<std::string>();
    bool pause = std::string_view(what) == "pause";
    CLI::App& command = AddCommand(
        dispatch, session,
        {what, pause ? "start no more jobs, or none of a type" : "start jobs again", "",
         fmt::format("forager dispatch {0}\nforager dispatch {0} --type builder\n", what)},
        [type, what](Client& client) { return SwitchDispatch(client, what, *type); });
    AddOption(command, "-t,--type", *type, "ENTITY_TYPE", "only this entity type");
  }
}

}  // namespace

void AddServerCommands(CLI::App& root, Session& session) {
  auto count = std::make_shared<std::int64_t>(1);
  CLI::App& execute = AddCommand(
      root, session,
      {"execute-pending", "start the next pending job", "",
       "forager execute-pending\n# as many as there are slots for, at most ten\n"
       "forager execute-pending --limit 10\n"},
      [count](Client& client) {
        return PrintMessage(
            client, client.Post(Query().Add("limit", *count).On("/jobs/execute-pending")), false);
      });
  execute.group("Jobs");
  AddOption(execute, "-L,--limit", *count, "N", "start up to so many [1]");

  struct Reset {
    std::string minutes = "30";
    bool requeue = false;
  };
  auto reset = std::make_shared<Reset>();
  CLI::App& stuck = AddCommand(
      root, session,
      {"reset-stuck", "fail jobs that have run for too long, and kill what is left of them", "",
       "forager reset-stuck\n# everything that runs, back into the queue\n"
       "forager reset-stuck --timeout-minutes 0 --requeue\n"},
      [reset](Client& client) {
        Query query;
        query.Add("timeout_minutes", reset->minutes).Add("requeue", reset->requeue ? "true" : "");
        return PrintMessage(client, client.Post(query.On("/jobs/reset-stuck")), true);
      });
  stuck.group("Jobs");
  AddOption(stuck, "--timeout-minutes", reset->minutes, "N", "running for longer than this [30]");
  AddFlag(stuck, "--requeue", reset->requeue, "back to pending instead of failed");

  AddCommand(root, session, {"stats", "count jobs, and how they do", "", "forager stats -o json\n"},
             [](Client& client) { return ShowFacts(client, "/stats", kStats, CompleteStats); })
      .group("Server");
  AddCommand(
      root, session,
      {"monitor", "show when stuck jobs were last looked for, and what was found", "", ""},
      [](Client& client) { return ShowFacts(client, "/monitor", kMonitor, CompleteMonitor); })
      .group("Server");
  AddCommand(root, session,
             {"types", "list the entity types that are served, with their limits", "", ""},
             ShowTypes)
      .group("Server");
  AddDispatch(root, session);
}

}  // namespace forager::cli
