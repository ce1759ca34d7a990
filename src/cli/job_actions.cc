// jobs start, cancel, retry and delete: by ids, or by filter behind a look at what would happen.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "cli/job_filter.h"
#include "cli/json_text.h"
#include "cli/rows.h"
#include "cli/text.h"
#include "cli/tree.h"

namespace forager::cli {
namespace {

namespace json = boost::json;

struct Verb {
  std::string_view name;  // "cancel"
  std::string_view done;  // "cancelled"
  std::string_view conflict_hint;
};
constexpr Verb kStart{"start", "started", "`forager jobs explain JOB_ID` says what is in the way"};
constexpr Verb kCancel{"cancel", "cancelled",
                       "only jobs that are pending or running can be cancelled"};
constexpr Verb kRetry{"retry", "back to pending",
                      "only jobs that failed or were cancelled are retried"};
constexpr Verb kDelete{"delete", "deleted", "`forager jobs cancel JOB_ID` first, if it runs"};
constexpr Column kResult[] = {{"JOB", "job_id"}, {"STATUS", "status", Show::kState}};

struct ActOptions {
  std::vector<std::string> ids;
  JobFilter filter;
  bool force = false, dry_run = false, yes = false;
};

Result<json::value> Act(const Client& client, const Verb& verb, const std::string& id, bool force) {
  if (verb.name == "delete") return client.Delete(JobPath(id));
  Query query;
  if (force) query.Add("force", "true");
  return client.Post(query.On(JobPath(id, fmt::format("/{}", verb.name))));
}

int ActOnIds(Client& client, const Verb& verb, const ActOptions& options) {
  int code = kDone;
  RowWriter rows(client, kResult);
  for (const std::string& id : options.ids) {
    auto answer = Act(client, verb, id, options.force);
    if (!answer) {
      int failed =
          client.Complain(answer.error(), answer.error().code == ErrorCode::kConflict
                                              ? verb.conflict_hint
                                              : "`forager jobs list` shows the jobs there are");
      if (failed == kNoServer) return failed;
      code = failed;
      continue;
    }
    if (client.format != Format::kTable) {
      rows.Add(*answer);
      continue;
    }
    bool asked = verb.name == "cancel" && TextAt(*answer, "status") == "running";
    client.out.Line(fmt::format("{} {}", OneLine(id), asked ? "is being cancelled" : verb.done));
    client.out.Flush();
  }
  if (client.format != Format::kTable) rows.End();
  return code;
}

Result<json::value> Bulk(const Client& client, const Verb& verb, const json::object& filter,
                         bool dry_run) {
  return client.Send("POST", fmt::format("/jobs/bulk-{}", verb.name),
                     json::object{{"filter", filter}, {"dry_run", dry_run}});
}

int ActOnFilter(Client& client, const Verb& verb, const ActOptions& options) {
  auto filter = options.filter.AsBody(client.Now());
  if (!filter) return client.Complain(filter.error());
  auto look = Bulk(client, verb, *filter, true);
  if (!look) return client.Complain(look.error());
  auto count = WholeAt(*look, "affected_count");
  if (options.dry_run || count == 0) {
    if (client.format != Format::kTable)
      client.PrintJson(*look);
    else
      client.out.Line(OneLine(TextAt(*look, "message")));
    return kDone;
  }
  std::string question = fmt::format("{} {} job(s)?", verb.name, Grouped(count));
  question[0] = static_cast<char>(question[0] - 'a' + 'A');
  if (!options.yes && !client.Confirm(question)) {
    return Complain(fmt::format("nothing done: this would {} {} job(s)", verb.name, Grouped(count)),
                    "the same with --yes does it; --dry-run only counts", kRefused);
  }
  auto done = Bulk(client, verb, *filter, false);
  if (!done) return client.Complain(done.error());
  if (client.format != Format::kTable)
    client.PrintJson(*done);
  else
    client.out.Line(OneLine(TextAt(*done, "message")));
  return kDone;
}

int Run(Client& client, const Verb& verb, const ActOptions& options) {
  bool ids = !options.ids.empty();
  if (ids != options.filter.empty()) {
    return Complain(
        ids ? "give job ids or filters, not both"
            : fmt::format("which jobs? `forager jobs {}` needs ids or filters", verb.name),
        fmt::format("`forager jobs {} --help` shows examples", verb.name), kUsage);
  }
  return ids ? ActOnIds(client, verb, options) : ActOnFilter(client, verb, options);
}

void AddVerb(CLI::App& jobs, Session& session, const Verb& verb, const std::string& summary,
             const std::string& details, const std::string& examples) {
  auto options = std::make_shared<ActOptions>();
  CLI::App& command =
      AddCommand(jobs, session, {std::string(verb.name), summary, details, examples},
                 [options, &verb](Client& client) { return Run(client, verb, *options); });
  AddArguments(command, "JOB_ID", options->ids, "which jobs; or choose them with filters", false);
  if (verb.name == "start") return;
  options->filter.AddTo(command);
  if (verb.name == "cancel")
    AddFlag(command, "-f,--force", options->force, "kill without grace (ids only)");
  AddFlag(command, "-n,--dry-run", options->dry_run, "with filters: only say how many");
  AddFlag(command, "-y,--yes", options->yes, "with filters: do not ask");
}

}  // namespace

void AddJobActions(CLI::App& jobs, Session& session) {
  AddVerb(jobs, session, kStart, "start pending jobs now", "",
          "forager jobs start JOB-1763918292-3K9QZ7T2AB\n");
  AddVerb(jobs, session, kCancel, "cancel pending and running jobs",
          "A running job gets its grace to end; then its whole process tree is killed.",
          "forager jobs cancel JOB-1763918292-3K9QZ7T2AB\n"
          "# everything that still waits, of one type\n"
          "forager jobs cancel --status pending --type builder\n");
  AddVerb(jobs, session, kRetry, "put failed or cancelled jobs back to pending", "",
          "forager jobs retry JOB-1763918292-3K9QZ7T2AB\n"
          "# how many would it be?\n"
          "forager jobs retry --status failed --since 1d --dry-run\n");
  AddVerb(jobs, session, kDelete, "delete jobs that do not run, with all that belongs to them", "",
          "forager jobs delete JOB-1763918292-3K9QZ7T2AB\n"
          "forager jobs delete --status completed --before 90d --yes\n");
}

}  // namespace forager::cli
