#include "cli/job_view.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <cmath>

#include "cli/json_text.h"
#include "cli/rows.h"
#include "cli/text.h"

namespace forager::cli {
namespace {

namespace json = boost::json;

constexpr Column kFacts[] = {
    {"Job", "job_id"},
    {"What", "what", Show::kText},
    {"Status", "status", Show::kState},
    {"Progress", "done", Show::kText},
    {"Error", "error_message"},
    {"Error class", "error_class"},
    {"Query", "search_query"},
    {"URL", "target_url"},
    {"Entity", "entity_id"},
    {"Filters", "search_filters"},
    {"Priority", "priority"},
    {"Attempt", "tries"},
    {"Found", "found"},
    {"Unreadable", "unreadable"},
    {"Next run", "next_run_at", Show::kDue},
    {"Parent", "parent_job_id"},
    {"Initiated by", "initiated_by"},
    {"Unique key", "unique_key"},
    {"Created", "created"},
    {"Started", "started"},
    {"Ended", "ended"},
    {"Node", "node"},
    {"Cancel asked", "cancel_requested_at", Show::kAge},
};

std::string TimeAndAge(const json::value& job, std::string_view name, WallTime now) {
  auto time = TimeAt(job, name);
  if (!time) return "";
  return fmt::format("{} ({} ago)", FormatRfc3339(*time), ShortSpan(now - *time));
}

}  // namespace

void PrintJob(Client& client, const json::value& job) {
  if (!job.is_object()) return;
  json::object view = job.get_object();
  WallTime now = client.Now();
  view["what"] = TextAt(job, "entity_type") + " / " + TextAt(job, "job_type");
  if (TextAt(job, "status") == "running")
    view["done"] = ProgressLine(job, now, 60, client.utf8);
  else if (auto percent = NumberAt(job, "progress.percent"))
    view["done"] = fmt::format("{:.0f}% {}", *percent, TextAt(job, "progress.stage"));
  view["tries"] =
      fmt::format("{} (at most {} tries)", TextAt(job, "attempt"), TextAt(job, "max_attempts"));
  if (NumberAt(job, "attempt").value_or(0) == 0) view.erase("tries");
  if (NumberAt(job, "items_found").value_or(0) > 0) {
    view["found"] = fmt::format("{} items, {} changes, {} new entities", TextAt(job, "items_found"),
                                TextAt(job, "changes_detected"), TextAt(job, "new_entities_found"));
  }
  if (NumberAt(job, "unreadable_events").value_or(0) > 0) {
    view["unreadable"] = fmt::format("{} events (warnings in its log say why)",
                                     TextAt(job, "unreadable_events"));
  }
  view["created"] = TimeAndAge(job, "created_at", now);
  view["started"] = TimeAndAge(job, "started_at", now);
  view["ended"] = TimeAndAge(job, "completed_at", now);
  PrintFacts(client, view, kFacts);
}

std::string ProgressLine(const json::value& job, WallTime now, int width, bool utf8) {
  std::string line;
  auto percent = NumberAt(job, "progress.percent");
  int bar = std::clamp(width / 4, 8, 30);
  line = Bar(percent.value_or(0) / 100, bar, utf8);
  line += percent ? fmt::format(" {:3.0f}%", std::floor(*percent)) : "    -";
  if (auto started = TimeAt(job, "started_at")) line += "  " + ShortSpan(now - *started);
  for (const char* name : {"progress.stage", "progress.message"}) {
    std::string text = OneLine(TextAt(job, name));
    if (!text.empty()) line += "  " + text;
  }
  return Cut(line, width);
}

std::string NextFor(std::string_view code, std::string_view job_id) {
  if (code == "paused") return "`forager dispatch resume`";
  if (code == "type_paused") return "`forager dispatch resume --type ENTITY_TYPE`";
  if (code == "on_request")
    return fmt::format("`forager jobs start {}`, or `forager execute-pending` for the next in line",
                       job_id);
  if (code == "limit_reached" || code == "type_limit" || code == "host_limit")
    return "wait, `forager jobs cancel` one that runs, or raise the limit in forager.toml";
  if (code == "host_budget") return "wait; `host_interval` in forager.toml sets the pace";
  if (code == "slot_held") return "`forager doctor` shows the process that holds it";
  if (code == "no_process") return fmt::format("`forager jobs cancel {} --force`", job_id);
  if (code == "unknown_entity_type") return "`forager types` lists the types that are served";
  if (code == "failed" || code == "cancelled")
    return fmt::format("`forager jobs retry {}`; `forager jobs logs {}` says more", job_id, job_id);
  return "";
}

bool IsOver(std::string_view status) {
  return status == "completed" || status == "failed" || status == "cancelled";
}

int CodeOfEnd(std::string_view status) {
  if (status == "completed") return kDone;
  return status == "cancelled" ? kJobCancelled : kJobFailed;
}

}  // namespace forager::cli
