// jobs create and run: from options, or many from a file.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fstream>
#include <iostream>
#include <random>

#include "cli/job_body.h"
#include "cli/job_filter.h"
#include "cli/job_follow.h"
#include "cli/json_text.h"
#include "cli/rows.h"
#include "cli/text.h"
#include "cli/tree.h"
#include "job/json_read.h"
#include "job/plain_text.h"

namespace forager::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t kPerRequest = 5'000;  // of the 10,000 and 16 MiB that one request may have
constexpr std::size_t kPerRequestBytes = 8 << 20;
constexpr std::size_t kMaxFile = 512 << 20;

struct JobOptions {
  JobBody body;
  std::string parent, run_at, initiated_by, file, limit;
  bool start = false, ids = false, quiet = false;

  void AddTo(CLI::App& command) {
    body.AddTo(command);
    AddOption(command, "--run-at", run_at, "TIME", "not before: 10m, 2h (from now), or RFC 3339");
    AddOption(command, "--parent", parent, "JOB_ID", "its parent");
    AddOption(command, "--initiated-by", initiated_by, "WHO", "who asked for it");
  }
};

Result<json::object> BodyOf(const JobOptions& options, WallTime now) {
  auto body = options.body.Read();
  if (!body) return body;
  if (!options.parent.empty()) (*body)["parent_job_id"] = options.parent;
  if (!options.initiated_by.empty()) (*body)["initiated_by"] = options.initiated_by;
  if (!options.run_at.empty()) {
    auto moment = ParseMoment(options.run_at, now, true);
    if (!moment) return std::unexpected(moment.error());
    (*body)["run_at"] = FormatRfc3339(*moment);
  }
  return body;
}

void Warn(const Client& client, const json::value& job) {
  if (const json::array* warnings = At(job, "warnings").if_array()) {
    for (const json::value& warning : *warnings)
      std::fprintf(
          stderr, "%s\n",
          client.error_style.In(Tone::kWarn, "warning: " + OneLine(TextAt(warning, ""))).c_str());
  }
}

std::string NewKey() {
  std::random_device random;
  return fmt::format("cli-{:08x}{:08x}{:08x}", random(), random(), random());
}

// The answer of a lost connection is asked for again under the same key, so none is made twice.
Result<json::value> Create(const Client& client, const std::string& path, const json::value& body) {
  Client keyed(client.server);
  keyed.server.idempotency_key = NewKey();
  Result<json::value> made = keyed.Send("POST", path, body);
  for (int again = 0; again < 2 && !made && made.error().code == ErrorCode::kUnavailable &&
                      made.error().detail.find("before it had answered") != std::string::npos;
       ++again) {
    made = keyed.Send("POST", path, body);
  }
  return made;
}

Result<json::array> ReadJobs(const std::string& file) {
  std::string text;
  if (file == "-") {
    text.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else {
    std::ifstream in(file, std::ios::binary);
    if (!in) return Fail(ErrorCode::kInvalid, fmt::format("{} cannot be read", file));
    text.assign(std::istreambuf_iterator<char>(in), {});
  }
  if (text.size() > kMaxFile) return Fail(ErrorCode::kInvalid, file + " is too large");
  auto plain = PlainText(std::move(text), file == "-" ? "standard input" : file);
  if (!plain) return std::unexpected(plain.error());
  text = std::move(*plain);
  if (auto whole = ParseJson(text)) {
    const json::value& jobs = At(*whole, "jobs").is_array() ? At(*whole, "jobs") : *whole;
    return jobs.is_array() ? jobs.get_array() : json::array{*whole};
  }
  // JSON lines.
  json::array jobs;
  std::size_t at = 0;
  for (int number = 1; at < text.size(); ++number) {
    std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = std::string_view(text).substr(at, end - at);
    at = end + 1;
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    auto job = ParseJson(line);
    if (!job)
      return Fail(ErrorCode::kInvalid,
                  fmt::format("line {} of {} is not JSON: {}", number, file, job.error().detail));
    jobs.push_back(*job);
  }
  return jobs;
}

int CreateFromFile(Client& client, const JobOptions& options) {
  auto jobs = ReadJobs(options.file);
  if (!jobs)
    return client.Complain(jobs.error(), "write one JSON object a line, or a list of them");
  if (jobs->empty()) return Complain(options.file + " has no jobs in it", "", kUsage);
  static constexpr Column kColumns[] = {{"JOB", "job_id"}};
  RowWriter rows(client, kColumns);
  std::size_t made = 0;
  while (made < jobs->size()) {
    json::array part;
    std::size_t bytes = 0;
    while (made + part.size() < jobs->size() && part.size() < kPerRequest &&
           bytes < kPerRequestBytes) {
      part.push_back((*jobs)[made + part.size()]);
      bytes += CompactJson(part.back()).size();
    }
    std::size_t count = part.size();
    auto answer = Create(client, "/jobs/bulk", json::object{{"jobs", std::move(part)}});
    if (!answer) {
      std::string hint = made == 0
                             ? "nothing was created; mend the file and try again"
                             : fmt::format("the first {} are created; go on behind them", made);
      client.Complain(answer.error(), hint);
      return ExitCodeOf(answer.error());
    }
    if (const json::array* ids = At(*answer, "job_ids").if_array()) {
      for (const json::value& id : *ids) {
        if (client.format == Format::kTable)
          client.out.Line(OneLine(TextAt(id, "")));
        else
          rows.Add(json::object{{"job_id", id}});
      }
    }
    made += count;
  }
  if (client.format != Format::kTable)
    rows.End();
  else
    client.Note(fmt::format("{} jobs created", Grouped(static_cast<std::int64_t>(made))));
  return kDone;
}

Result<json::value> CreateOne(const Client& client, const JobOptions& options) {
  auto body = BodyOf(options, client.Now());
  if (!body) return std::unexpected(body.error());
  auto job = Create(client, "/jobs", *body);
  if (job) Warn(client, *job);
  return job;
}

constexpr std::string_view kCreateHint =
    "`forager types` lists the entity types; `forager jobs create --help` the options";

int CreateJobs(Client& client, const JobOptions& options) {
  if (!options.file.empty()) return CreateFromFile(client, options);
  if (!options.body.Complete())
    return Complain("a job needs --type and --job-type (or --file)", kCreateHint, kUsage);
  auto job = CreateOne(client, options);
  if (!job) return client.Complain(job.error(), kCreateHint);
  std::string id = TextAt(*job, "job_id");
  if (options.start) {
    auto started = client.Post(JobPath(id, "/start"));
    if (!started)
      return client.Complain(
          started.error(), fmt::format("{0} is pending: `forager jobs watch {0}`, or `forager jobs "
                                       "start {0}` later",
                                       OneLine(id)));
    *job = *started;
  }
  if (options.ids)
    client.out.Line(OneLine(id));
  else if (client.format == Format::kTable)
    client.out.Line(fmt::format("{} {}", OneLine(id), options.start ? "started" : "created"));
  else
    client.PrintJson(*job);
  return kDone;
}

int RunJob(Client& client, const JobOptions& options) {
  if (!options.body.Complete())
    return Complain("a job needs --type and --job-type", kCreateHint, kUsage);
  auto limit = ParseLimit(options.limit);
  if (!limit) return client.Complain(limit.error());
  auto job = CreateOne(client, options);
  if (!job) return client.Complain(job.error(), kCreateHint);
  std::string id = TextAt(*job, "job_id");
  if (client.format == Format::kTable) client.Note(fmt::format("{} created", id));
  bool logs = !options.quiet && client.format == Format::kTable;
  return FollowJob(client, {id, logs, !options.quiet, true, *limit});
}

}  // namespace

void AddJobCreation(CLI::App& jobs, Session& session) {
  auto create = std::make_shared<JobOptions>();
  CLI::App& command = AddCommand(
      jobs, session,
      {"create", "make a job, or many from a file", "",
       "forager jobs create --type community --job-type discovery --target-url "
       "https://example.com/\n"
       "# start it too, and keep its id\n"
       "id=$(forager jobs create -t builder -j update -u https://example.com/ --start --ids)\n"
       "# many at once: one JSON object a line, as the API takes them\n"
       "forager jobs create --file jobs.jsonl\n"
       "# tonight, with a filter for the collector\n"
       "forager jobs create -t property -j inventory -F beds=3 --run-at 2026-11-24T02:00:00Z\n"},
      [create](Client& client) { return CreateJobs(client, *create); });
  create->AddTo(command);
  AddOption(command, "-f,--file", create->file, "FILE",
            "JSON or JSON lines with the jobs; - is stdin");
  AddFlag(command, "--start", create->start, "start it at once");
  AddFlag(command, "--ids", create->ids, "print the id only");

  auto run = std::make_shared<JobOptions>();
  CLI::App& running =
      AddCommand(jobs, session,
                 {"run", "make a job, start it and follow it to its end",
                  "Waits for a free slot if there is none. Its log goes to stdout, its progress to "
                  "stderr. The "
                  "exit code tells how it ended: 0 completed, 3 failed, 4 cancelled. Ctrl-C leaves "
                  "the job running.",
                  "forager jobs run -t community -j discovery -u https://example.com/\n"
                  "forager jobs run -t community -j discovery -u https://example.com/ -o json | jq "
                  ".items_found\n"},
                 [run](Client& client) { return RunJob(client, *run); });
  run->AddTo(running);
  AddFlag(running, "--quiet", run->quiet, "only say how it ended");
  AddOption(running, "--timeout", run->limit, "SPAN", "stop following after 90s, 10m, 2h");
}

}  // namespace forager::cli
