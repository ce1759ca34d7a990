// changes list: what jobs found, of one job or of the newest that found something.
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
  std::string job, entity_type, status;
  std::int64_t limit = 50;
};

constexpr int kMaxJobs = 5'000;  // looked at for changes, newest first

json::value Shown(const json::value& change) {
  json::object row = change.get_object();
  bool is_new = IsTrue(change, "is_new_entity");
  row["what"] = is_new ? "new " + TextAt(change, "entity_type") : TextAt(change, "field_name");
  row["new"] = TextAt(change, is_new ? "proposed_entity_data" : "new_value");
  if (auto confidence = NumberAt(change, "confidence")) row["sure"] = *confidence * 100;
  return row;
}

class ChangeLister {
 public:
  ChangeLister(Client& client, const ChangesOptions& options)
      : client_(client),
        options_(options),
        rows_(client, client.format == Format::kCsv ? std::span<const Column>(kFields) : kColumns),
        left_(options.limit == 0 ? std::numeric_limits<std::int64_t>::max() : options.limit) {}

  int Run() {
    auto done = options_.job.empty() ? OfNewestJobs() : OfJob(options_.job);
    if (!done)
      return client_.Complain(done.error(), "`forager jobs list` shows the jobs there are");
    rows_.End("No changes.");
    return kDone;
  }

 private:
  Result<void> OfJob(const std::string& id) {
    std::string cursor;
    do {
      auto page = client_.Get(
          Query().Add("page_size", 100).Add("cursor", cursor).On(JobPath(id, "/changes")));
      if (!page) return std::unexpected(page.error());
      if (const json::array* changes = At(*page, "changes").if_array()) {
        for (const json::value& change : *changes) Take(change);
      }
      cursor = TextAt(*page, "next_cursor");
    } while (!cursor.empty() && left_ > 0);
    return {};
  }

  Result<void> OfNewestJobs() {
    std::string cursor;
    int looked = 0;
    do {
      Query query;
      query.Add("page_size", 100).Add("cursor", cursor);
      auto page = client_.Get(query.On("/jobs"));
      if (!page) return std::unexpected(page.error());
      const json::array* jobs = At(*page, "jobs").if_array();
      for (const json::value& job : jobs ? *jobs : json::array()) {
        ++looked;
        if (left_ <= 0 || NumberAt(job, "changes_detected").value_or(0) <= 0) continue;
        // A job may be deleted while its neighbours are read.
        if (auto done = OfJob(TextAt(job, "job_id"));
            !done && done.error().code != ErrorCode::kNotFound)
          return done;
      }
      cursor = TextAt(*page, "next_cursor");
    } while (!cursor.empty() && left_ > 0 && looked < kMaxJobs);
    return {};
  }

  void Take(const json::value& change) {
    bool fits =
        (options_.status.empty() || TextAt(change, "status") == options_.status) &&
        (options_.entity_type.empty() || TextAt(change, "entity_type") == options_.entity_type);
    if (!fits || left_ <= 0 || !change.is_object()) return;
    --left_;
    rows_.Add(client_.format == Format::kTable ? Shown(change) : change);
  }

  Client& client_;
  const ChangesOptions& options_;
  RowWriter rows_;
  std::int64_t left_;
};

}  // namespace

void AddChangesCommands(CLI::App& root, Session& session) {
  CLI::App& changes = AddGroup(root, {"changes", "see what jobs found", "", ""});
  changes.group("Jobs");
  auto options = std::make_shared<ChangesOptions>();
  CLI::App& list =
      AddCommand(changes, session,
                 {"list", "list changes, those of the newest jobs first", "",
                  "forager changes list --job JOB-1763918292-3K9QZ7T2AB\n"
                  "forager changes list --type property --limit 0 -o csv > changes.csv\n"},
                 [options](Client& client) { return ChangeLister(client, *options).Run(); });
  AddOption(list, "-j,--job", options->job, "JOB_ID", "only of this job");
  AddOption(list, "-t,--type", options->entity_type, "ENTITY_TYPE", "only of this entity type");
  AddOption(list, "-s,--status", options->status, "CHANGE_STATUS",
            "only in this status, such as pending");
  AddOption(list, "-L,--limit", options->limit, "N", "at most so many; 0: all [50]");
}

}  // namespace forager::cli
