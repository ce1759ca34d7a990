#include "cli/job_body.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "cli/tree.h"
#include "job/json_read.h"

namespace forager::cli {
namespace {

namespace json = boost::json;

// 3, true and {"a": 1} are JSON; anything else is text.
json::value FilterValue(std::string_view text) {
  auto value = ParseJson(text);
  return value ? *value : json::value(text);
}

}  // namespace

void JobBody::AddTo(CLI::App& command) {
  AddOption(command, "-t,--type", entity_type, "ENTITY_TYPE", "what to collect");
  AddOption(command, "-j,--job-type", job_type, "JOB_TYPE",
            "how: discovery, update, inventory, ...");
  AddOption(command, "-q,--query", query, "TEXT", "what to search for");
  AddOption(command, "-u,--target-url", url, "URL", "page to begin with");
  command.add_option("-F,--filter", filters, "a member of search_filters; may be repeated")
      ->option_text("KEY=VALUE")
      ->expected(1)
      ->take_all();
  AddOption(command, "--entity-id", entity_id, "ID", "the entity it is about");
  AddOption(command, "--location", location, "TEXT", "where");
  AddOption(command, "--community-id", community_id, "ID", "of which community");
  AddOption(command, "--builder-id", builder_id, "ID", "of which builder");
  command.add_option("-p,--priority", priority, "0 to 10, higher first [5]")->option_text("N");
  command.add_option("--max-attempts", max_attempts, "1 to 25 [3]")->option_text("N");
  command.add_option("--timeout-minutes", timeout_minutes, "0.01 to 1440 [30]")->option_text("N");
  AddOption(command, "--unique-key", unique_key, "KEY", "refuse a second one that is not over");
}

Result<json::object> JobBody::Read() const {
  json::object body;
  for (const auto& [name, value] : {std::pair("entity_type", &entity_type),
                                    {"job_type", &job_type},
                                    {"search_query", &query},
                                    {"target_url", &url},
                                    {"entity_id", &entity_id},
                                    {"location", &location},
                                    {"community_id", &community_id},
                                    {"builder_id", &builder_id},
                                    {"unique_key", &unique_key}}) {
    if (!value->empty()) body[name] = *value;
  }
  json::object members;
  for (const std::string& filter : filters) {
    std::size_t equals = filter.find('=');
    if (equals == filter.npos || equals == 0)
      return Fail(ErrorCode::kInvalid, fmt::format("--filter {} is not KEY=VALUE", filter));
    members[filter.substr(0, equals)] = FilterValue(std::string_view(filter).substr(equals + 1));
  }
  if (!members.empty()) body["search_filters"] = std::move(members);
  if (priority) body["priority"] = *priority;
  if (max_attempts) body["max_attempts"] = *max_attempts;
  if (timeout_minutes) body["timeout_minutes"] = *timeout_minutes;
  return body;
}

}  // namespace forager::cli
