// changes list: what jobs found, newest first.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "cli/json_text.h"
#include "cli/rows.h"
#include "cli/tree.h"

namespace forager::cli {
namespace {

namespace json = boost::json;

constexpr Column kColumns[] = {
    {"CHANGE", "id"},
    {"JOB", "job_id"},
    {"TYPE", "entity_type", Show::kText, 14},
    {"WHAT", "what", Show::kText, 24},
    {"STATUS", "status", Show::kText, 12},
    {"SURE", "sure", Show::kPercent},
    {"OLD", "old_value", Show::kText, 24},
    {"NEW", "new", Show::kText, 200},
};
constexpr Column kFields[] = {
    {"", "id"},
    {"", "job_id"},
    {"", "attempt"},
    {"", "entity_type"},
    {"", "entity_id"},
    {"", "change_type"},
    {"", "field_name"},
    {"", "old_value"},
    {"", "new_value"},
    {"", "is_new_entity"},
    {"", "proposed_entity_data"},
    {"", "status"},
    {"", "confidence"},
    {"", "source_url"},
    {"", "created_at"},
};

struct ChangesOptions {
  std::string job, entity_type, status, change_type;
  std::int64_t limit = 50;
};

json::value Shown(const json::value& change) {
  json::object row = change.get_object();
  bool is_new = IsTrue(change, "is_new_entity");
  row["what"] = is_new ? "new " + TextAt(change, "entity_type") : TextAt(change, "field_name");
  row["new"] = TextAt(change, is_new ? "proposed_entity_data" : "new_value");
  if (auto confidence = NumberAt(change, "confidence")) row["sure"] = *confidence * 100;
  return row;
}

int ListChanges(Client& client, const ChangesOptions& options) {
  bool table = client.format == Format::kTable, csv = client.format == Format::kCsv;
  RowWriter rows(client, csv ? std::span<const Column>(kFields) : kColumns);
  std::int64_t left = options.limit == 0 ? std::numeric_limits<std::int64_t>::max() : options.limit;
  std::string cursor;
  do {
    Query query;
    query.Add("job_id", options.job).Add("entity_type", options.entity_type);
    query.Add("status", options.status).Add("change_type", options.change_type);
    query.Add("page_size", std::min<std::int64_t>(left, 100)).Add("cursor", cursor);
    auto page = client.Get(query.On("/changes"));
    if (!page)
      return client.Complain(page.error(), "`forager changes list --help` shows the filters");
    const json::array* changes = At(*page, "changes").if_array();
    for (const json::value& change : changes ? *changes : json::array()) {
      if (left-- <= 0) break;
      rows.Add(table && change.is_object() ? Shown(change) : change);
    }
    cursor = TextAt(*page, "next_cursor");
  } while (!cursor.empty() && left > 0);
  rows.End("No changes.");
  return kDone;
}

}  // namespace

void AddChangesCommands(CLI::App& root, Session& session) {
  CLI::App& changes = AddGroup(root, {"changes", "see what jobs found", "", ""});
  changes.group("Jobs");
  auto options = std::make_shared<ChangesOptions>();
  CLI::App& list =
      AddCommand(changes, session,
                 {"list", "list changes, newest first", "",
                  "forager changes list --job JOB-1763918292-3K9QZ7T2AB\n"
                  "forager changes list --type property --limit 0 -o csv > changes.csv\n"},
                 [options](Client& client) { return ListChanges(client, *options); });
  AddOption(list, "-j,--job", options->job, "JOB_ID", "only of this job");
  AddOption(list, "-t,--type", options->entity_type, "ENTITY_TYPE", "only of this entity type");
  AddOption(list, "-s,--status", options->status, "CHANGE_STATUS",
            "only in this status, such as pending");
  AddOption(list, "--change-type", options->change_type, "CHANGE_TYPE",
            "only such: added, modified, ...");
  AddOption(list, "-L,--limit", options->limit, "N", "at most so many; 0: all [50]");
}

}  // namespace forager::cli
