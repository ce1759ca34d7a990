#include "cli/job_filter.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "cli/tree.h"

namespace forager::cli {
namespace {

// Name and value of every filter that is set, times in full.
Result<std::vector<std::pair<std::string, std::string>>> Given(const JobFilter& filter,
                                                               WallTime now) {
  std::vector<std::pair<std::string, std::string>> given;
  for (const auto& [name, value] : {std::pair("status", &filter.status),
                                    {"entity_type", &filter.entity_type},
                                    {"job_type", &filter.job_type},
                                    {"q", &filter.text},
                                    {"parent_job_id", &filter.parent}}) {
    if (!value->empty()) given.emplace_back(name, *value);
  }
  for (const auto& [name, value] :
       {std::pair("created_after", &filter.since), {"created_before", &filter.before}}) {
    if (value->empty()) continue;
    auto moment = ParseMoment(*value, now);
    if (!moment) return std::unexpected(moment.error());
    given.emplace_back(name, FormatRfc3339(*moment));
  }
  return given;
}

}  // namespace

bool JobFilter::empty() const {
  return status.empty() && entity_type.empty() && job_type.empty() && text.empty() &&
         parent.empty() && since.empty() && before.empty();
}

void JobFilter::AddTo(CLI::App& command) {
  AddOption(command, "-s,--status", status, "STATUS",
            "pending, running, completed, failed, cancelled; several with commas");
  AddOption(command, "-t,--type", entity_type, "ENTITY_TYPE", "only this entity type");
  AddOption(command, "--job-type", job_type, "JOB_TYPE", "only this job type");
  AddOption(command, "-q,--query", text, "TEXT", "with this text in query, URL or error");
  AddOption(command, "--parent", parent, "JOB_ID", "children of this job");
  AddOption(command, "--since", since, "TIME", "created after: 2h, 3d (ago), a date, or RFC 3339");
  AddOption(command, "--before", before, "TIME", "created before; written like --since");
}

Result<Query> JobFilter::AsQuery(WallTime now) const {
  auto given = Given(*this, now);
  if (!given) return std::unexpected(given.error());
  Query query;
  for (const auto& [name, value] : *given) query.Add(name, value);
  return query;
}

Result<boost::json::object> JobFilter::AsBody(WallTime now) const {
  auto given = Given(*this, now);
  if (!given) return std::unexpected(given.error());
  boost::json::object body;
  for (const auto& [name, value] : *given) body[name] = value;
  return body;
}

Result<WallTime> ParseMoment(std::string_view text, WallTime now, bool future) {
  if (auto time = ParseRfc3339(text)) return *time;
  if (text.size() == 10) {
    if (auto day = ParseRfc3339(std::string(text) + "T00:00:00Z")) return *day;
  }
  std::string_view span = text.starts_with('+') ? text.substr(1) : text;
  std::int64_t times = 1;
  std::string unit(span);
  if (!unit.empty() && (unit.back() == 'd' || unit.back() == 'w')) {
    times = unit.back() == 'd' ? 24 : 7 * 24;
    unit.back() = 'h';
  }
  if (auto length = ParseDuration(unit))
    return future ? now + *length * times : now - *length * times;
  return Fail(ErrorCode::kInvalid,
              fmt::format("\"{}\" is no time: write 30m, 2h or 3d, a date such as 2026-11-23, or "
                          "2026-11-23T10:00:00Z",
                          text));
}

}  // namespace forager::cli
