// POST /jobs and POST /jobs/bulk, with Idempotency-Key.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <set>

#include "api/handlers.h"
#include "api/object_writer.h"
#include "api/problem.h"
#include "api/routes.h"
#include "job/codec.h"

namespace forager::api {
namespace {

constexpr std::size_t kMaxBulk = 10'000;
constexpr std::size_t kMaxKey = 255;

struct IdempotencyKey {
  std::string key;     // empty: none given
  std::string digest;  // of the request; another one under the same key is a mistake
};

Result<IdempotencyKey> KeyOf(const Call& call) {
  std::string_view key = call.request.Header("Idempotency-Key");
  if (key.empty()) return IdempotencyKey{};
  bool printable = std::ranges::all_of(key, [](char c) { return c > 0x20 && c < 0x7f; });
  if (key.size() > kMaxKey || !printable) {
    return std::unexpected(WrongField(
        "Idempotency-Key", "must be 1 to 255 printable ASCII characters without spaces"));
  }
  std::string request = call.route->path;
  request.append("\n").append(call.request.body);
  return IdempotencyKey{std::string(key), HashSecret(request)};
}

http::Response Replayed(const store::IdempotentAnswer& kept) {
  http::Response response = Json(kept.status, kept.body);
  boost::system::error_code error;
  boost::json::value headers = boost::json::parse(kept.headers, error);
  if (!error && headers.is_object()) {
    for (const auto& [name, value] : headers.get_object()) {
      if (value.is_string()) response.headers.emplace_back(name, value.get_string());
    }
  }
  return response;
}

std::string HeadersJson(const http::Response& response) {
  ObjectWriter headers;
  for (const auto& [name, value] : response.headers) headers.Text(name, value);
  return headers.Take();
}

// Check, create and keep in one transaction: two at once with the same key create once.
WriteWork Once(const Call& call, IdempotencyKey key, WriteWork create) {
  if (key.key.empty()) return create;
  return [&call, key = std::move(key),
          create = std::move(create)](store::Store& store) -> Result<Answer> {
    auto kept = store.FindAnswer(call.caller.key, key.key, call.Now());
    if (!kept) return std::unexpected(kept.error());
    if (*kept) {
      if ((*kept)->body_digest != key.digest) {
        return std::unexpected(
            WrongField("Idempotency-Key", "was already used for another request"));
      }
      return [answer = **kept] { return Replayed(answer); };
    }
    Result<Answer> answer = create(store);
    if (!answer) return answer;
    http::Response response = (*answer)();
    auto stored = store.KeepAnswer(
        call.caller.key, key.key,
        {key.digest, response.status, HeadersJson(response), response.body}, call.Now());
    if (!stored) return std::unexpected(stored.error());
    return [response] { return response; };
  };
}

// A parent must exist; `field` names it in the error.
Result<void> CheckParent(store::Store& store, const NewJob& job, const std::string& field) {
  if (!job.parent_job_id) return {};
  Result<Job> parent = store.Find(*job.parent_job_id);
  if (parent) return {};
  if (parent.error().code != ErrorCode::kNotFound) return std::unexpected(parent.error());
  return std::unexpected(WrongField(field, "names no job"));
}

// Of many: each parent is looked up once.
Result<void> CheckParents(store::Store& store, const std::vector<NewJob>& jobs) {
  std::set<std::string> known;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (!jobs[i].parent_job_id || known.contains(*jobs[i].parent_job_id)) continue;
    auto checked = CheckParent(store, jobs[i], fmt::format("jobs[{}].parent_job_id", i));
    if (!checked) return checked;
    known.insert(*jobs[i].parent_job_id);
  }
  return {};
}

std::string UnknownType(const std::string& entity_type) {
  return WriteString(fmt::format(
      "No collector serves the entity type \"{}\"; the job will fail when it runs.", entity_type));
}

http::Response Created(const Job& job, bool known_type) {
  std::string body = WriteJob(job);
  if (!known_type) {
    body.pop_back();
    body += fmt::format(",\"warnings\":[{}]}}", UnknownType(job.entity_type));
  }
  http::Response response = Json(201, std::move(body));
  response.headers.emplace_back("Location", fmt::format("{}/jobs/{}", kBase, job.job_id));
  return response;
}

http::Response CreatedMany(const std::vector<std::string>& ids, const std::string& warnings) {
  ObjectWriter body;
  body.Int("created", static_cast<std::int64_t>(ids.size())).Texts("job_ids", ids);
  if (!warnings.empty()) body.Raw("warnings", fmt::format("[{}]", warnings));
  return Json(201, body.Take());
}

}  // namespace

Result<WriteWork> CreateJob(const Call& call) {
  Result<IdempotencyKey> key = KeyOf(call);
  if (!key) return std::unexpected(key.error());
  Result<NewJob> parsed = ParseNewJob(call.request.body);
  if (!parsed) return std::unexpected(parsed.error());
  auto types = call.control().types();
  int priority = types->Get(parsed->entity_type).priority;
  bool known = types->Find(parsed->entity_type) != nullptr;
  auto job = std::make_shared<const NewJob>(std::move(*parsed));
  return Once(
      call, std::move(*key), [&call, job, priority, known](store::Store& store) -> Result<Answer> {
        if (auto parent = CheckParent(store, *job, "parent_job_id"); !parent) {
          return std::unexpected(parent.error());
        }
        Result<Job> made = store.Submit(*job, priority, call.control().max_pending(), call.Now());
        if (!made) return std::unexpected(made.error());
        return [made = std::move(*made), known] { return Created(made, known); };
      });
}

Result<WriteWork> CreateJobs(const Call& call) {
  Result<IdempotencyKey> key = KeyOf(call);
  if (!key) return std::unexpected(key.error());
  auto parsed = ParseNewJobs(call.request.body, kMaxBulk);
  if (!parsed) return std::unexpected(parsed.error());
  auto types = call.control().types();
  std::map<std::string, int> priorities;
  std::string warnings;
  for (const NewJob& job : *parsed) {
    auto [at, added] =
        priorities.try_emplace(job.entity_type, types->Get(job.entity_type).priority);
    if (!added || types->Find(job.entity_type) || priorities.size() > 100) continue;
    if (!warnings.empty()) warnings += ',';
    warnings += UnknownType(job.entity_type);
  }
  auto jobs = std::make_shared<const std::vector<NewJob>>(std::move(*parsed));
  return Once(call, std::move(*key),
              [&call, jobs, priorities = std::move(priorities),
               warnings = std::move(warnings)](store::Store& store) -> Result<Answer> {
                if (auto parents = CheckParents(store, *jobs); !parents) {
                  return std::unexpected(parents.error());
                }
                auto ids =
                    store.SubmitMany(*jobs, priorities, call.control().max_pending(), call.Now());
                if (!ids) return std::unexpected(ids.error());
                return [ids = std::move(*ids), warnings] { return CreatedMany(ids, warnings); };
              });
}

}  // namespace forager::api
