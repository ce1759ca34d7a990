// The create body: what POST /jobs accepts, and what an attempt may ask for as a child job.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <boost/url.hpp>

#include "job/codec.h"
#include "job/json_read.h"
#include "job/loose_json.h"

namespace forager {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxQuery = 2'000;
constexpr std::size_t kMaxUrl = 2'048;
constexpr std::size_t kMaxFilters = 64 * 1024;
constexpr std::size_t kMaxName = 200;
// Echoed at the top of the job, kept in search_filters.
constexpr std::string_view kFilterMembers[] = {"location", "community_id", "builder_id"};

std::string ReadKind(MemberReader& reader, std::string_view name) {
  auto kind = reader.Text(name, 10'000);
  if (!kind) {
    if (!reader.Find(name)) reader.Wrong(name, "is required");
    return "";
  }
  if (!IsKindName(*kind)) reader.Wrong(name, "must be 1 to 50 characters of a-z, 0-9 and _");
  return *kind;
}

std::optional<std::string> ReadUrl(MemberReader& reader, std::string_view name) {
  auto text = reader.Text(name, kMaxUrl);
  if (!text) return std::nullopt;
  auto url = boost::urls::parse_uri(*text);
  bool good = url &&
              (url->scheme_id() == boost::urls::scheme::http ||
               url->scheme_id() == boost::urls::scheme::https) &&
              !url->encoded_host().empty();
  if (!good) reader.Wrong(name, "must be an absolute http or https URL");
  return text;
}

// Lays location, community_id and builder_id into the filters; both given and different is an
// error.
std::optional<std::string> ReadFilters(MemberReader& reader) {
  const json::value* given = reader.Find("search_filters");
  auto text = reader.Object("search_filters", kMaxFilters);
  json::object filters = given && given->is_object() ? given->get_object() : json::object{};
  std::string added;
  for (std::string_view name : kFilterMembers) {
    auto value = reader.Text(name, kMaxQuery);
    if (const json::value* inside = filters.if_contains(name);
        inside && !inside->is_null() && !inside->is_string()) {
      reader.Wrong("search_filters." + std::string(name), "must be a string");
    } else if (value && inside && inside->is_string() && inside->get_string() != *value) {
      reader.Wrong(name, fmt::format("differs from search_filters.{}; give one of them", name));
    } else if (value) {
      if (!inside || inside->is_null())
        added += fmt::format(",\"{}\":{}", name, WriteString(*value));
    }
  }
  if (added.empty()) return text;
  std::string merged = text.value_or("{}");
  merged.pop_back();
  merged += std::string_view(added).substr(merged.size() == 1 ? 1 : 0);
  merged += '}';
  if (merged.size() > kMaxFilters)
    reader.Wrong("search_filters", fmt::format("must be at most {} bytes long", kMaxFilters));
  return merged;
}

Error FieldsError(std::vector<FieldError> errors) {
  Error error{ErrorCode::kInvalid,
              fmt::format("{} {}", errors.front().field, errors.front().message),
              {},
              {}};
  if (errors.size() > 1) error.detail += fmt::format(" (and {} more)", errors.size() - 1);
  error.fields = std::move(errors);
  return error;
}

}  // namespace

bool IsKindName(std::string_view text) {
  return !text.empty() && text.size() <= 50 &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == text.npos;
}

NewJob ReadJobBody(const json::value& body, std::string_view text,
                   std::vector<FieldError>& errors) {
  MemberReader reader(body.get_object(), "", errors, text);
  NewJob job = ReadNewJob(reader);
  reader.RefuseOthers();
  return job;
}

NewJob ReadNewJob(MemberReader& reader) {
  NewJob job;
  job.entity_type = ReadKind(reader, "entity_type");
  job.job_type = ReadKind(reader, "job_type");
  job.entity_id = reader.Text("entity_id", kMaxName);
  job.search_query = reader.Text("search_query", kMaxQuery);
  job.target_url = ReadUrl(reader, "target_url");
  job.search_filters = ReadFilters(reader);
  job.priority = reader.Integer("priority", 0, 10);
  job.run_at = reader.Time("run_at");
  job.max_attempts = reader.Integer("max_attempts", 1, 25);
  if (auto minutes = reader.Number("timeout_minutes", 0.01, 1'440))
    job.timeout = Millis{std::llround(*minutes * 60'000)};
  job.parent_job_id = reader.Text("parent_job_id", kMaxName);
  job.initiated_by = reader.Text("initiated_by", kMaxName);
  job.unique_key = reader.Text("unique_key", kMaxName);
  if (job.unique_key && job.unique_key->empty()) reader.Wrong("unique_key", "must not be empty");
  return job;
}

Result<NewJob> ParseNewJob(std::string_view text) {
  auto value = ParseJson(text);
  if (!value) return std::unexpected(value.error());
  if (!value->is_object()) return Fail(ErrorCode::kInvalid, "The body must be a JSON object");
  std::vector<FieldError> errors;
  NewJob job = ReadJobBody(*value, text, errors);
  if (!errors.empty()) return std::unexpected(FieldsError(std::move(errors)));
  return job;
}

Result<std::vector<NewJob>> ParseNewJobs(std::string_view text, std::size_t max) {
  auto value = ParseJson(text);
  if (!value) return std::unexpected(value.error());
  const json::object* body = value->if_object();
  const json::value* list = body ? body->if_contains("jobs") : nullptr;
  if (!list || !list->is_array() || body->size() != 1) {
    return Fail(ErrorCode::kInvalid,
                "The body must be an object with one member, jobs, an array of jobs");
  }
  const json::array& items = list->get_array();
  if (items.empty()) return Fail(ErrorCode::kInvalid, "jobs must not be empty");
  if (items.size() > max)
    return Fail(ErrorCode::kInvalid,
                fmt::format("jobs must have at most {} members, this has {}", max, items.size()));
  std::vector<NewJob> jobs;
  jobs.reserve(items.size());
  std::vector<FieldError> errors;
  std::vector<std::string> written;  // as they stand in the body, for those with fractions
  for (std::size_t i = 0; i < items.size() && errors.size() <= 20; ++i) {
    if (!items[i].is_object()) {
      errors.push_back({fmt::format("jobs[{}]", i), "must be an object"});
      continue;
    }
    if (written.empty() && HasFraction(items[i]))
      written = JsonItems(*ReadLooseObject(text).Find("jobs"));
    MemberReader reader(items[i].get_object(), fmt::format("jobs[{}].", i), errors,
                        i < written.size() ? std::string_view(written[i]) : std::string_view());
    jobs.push_back(ReadNewJob(reader));
    reader.RefuseOthers();
  }
  if (!errors.empty()) return std::unexpected(FieldsError(std::move(errors)));
  return jobs;
}

std::string HostOf(std::string_view url) {
  auto parsed = boost::urls::parse_uri(url);
  if (!parsed) return "";
  std::string host = fmt::format("{}{}{}", std::string_view(parsed->encoded_host()),
                                 parsed->has_port() ? ":" : "", std::string_view(parsed->port()));
  for (char& c : host) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return host;
}

}  // namespace forager
