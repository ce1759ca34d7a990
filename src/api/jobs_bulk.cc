// DELETE /jobs and the bulk operations: one bounded transaction per batch, until no more jobs
// match.
#include <fmt/format.h>

#include <algorithm>

#include "api/body.h"
#include "api/handlers.h"
#include "api/object_writer.h"
#include "api/problem.h"
#include "api/query.h"
#include "job/codec.h"

namespace forager::api {
namespace {

using Kind = store::Store::Bulk;

constexpr int kBatch = 1'000;
constexpr int kMaxBatches = 100'000;
constexpr std::size_t kMaxIds = 10'000;
constexpr std::size_t kShownIds = 100;
constexpr std::string_view kCannotDeleteRunning =
    "Cannot delete running jobs. Cancel them first or wait for their end.";

struct Plan {
  Kind kind = Kind::kDelete;
  store::JobFilter filter;
  std::vector<std::string> job_ids;  // instead of a filter
  bool dry_run = false;
  std::function<std::string(const store::BulkResult&)> word;  // the answer's body
};

// Runs a plan batch by batch; each batch is scheduled by the end of the one before.
class BulkRun : public std::enable_shared_from_this<BulkRun> {
 public:
  BulkRun(CallPtr call, Plan plan) : call_(std::move(call)), plan_(std::move(plan)) {}

  void Step() {
    filter_ = plan_.filter;
    if (!plan_.job_ids.empty()) {
      auto begin = plan_.job_ids.begin() + static_cast<std::ptrdiff_t>(ids_done_);
      std::size_t count = std::min<std::size_t>(kBatch, plan_.job_ids.size() - ids_done_);
      filter_.job_ids.assign(begin, begin + static_cast<std::ptrdiff_t>(count));
    }
    auto work = [self = shared_from_this()](store::Store& store) -> Result<void> {
      auto batch = store.BulkApply(self->plan_.kind, self->filter_, self->after_, kBatch,
                                   self->plan_.dry_run, self->call_->Now());
      if (!batch) return std::unexpected(batch.error());
      self->batch_ = std::move(*batch);
      return {};
    };
    auto done = [self = shared_from_this()](Result<void> ran) { self->Ran(ran); };
    plan_.dry_run ? call_->store().Read(work, done) : call_->store().Write(work, done);
  }

 private:
  void Ran(const Result<void>& ran) {
    if (!ran) return call_->Send(ran.error());
    sum_.affected += batch_.affected;
    sum_.matched += batch_.matched;
    sum_.skipped_running += batch_.skipped_running;
    for (std::string& id : batch_.job_ids) {
      if (sum_.job_ids.size() < kShownIds) sum_.job_ids.push_back(std::move(id));
    }
    after_ = batch_.last_id;
    if (after_ == 0) ids_done_ += filter_.job_ids.size();
    bool more = after_ != 0 || ids_done_ < plan_.job_ids.size();
    if (more && ++batches_ < kMaxBatches) return Step();
    call_->Send(Json(200, plan_.word(sum_)));
  }

  const CallPtr call_;
  const Plan plan_;
  store::JobFilter filter_;  // of the batch
  store::BulkResult batch_;
  store::BulkResult sum_;
  std::int64_t after_ = 0;
  std::size_t ids_done_ = 0;
  int batches_ = 0;
};

void Start(const CallPtr& call, Plan plan) {
  std::make_shared<BulkRun>(call, std::move(plan))->Step();
}

bool OnlyRunning(const std::vector<State>& states) {
  return states.size() == 1 && states[0] == State::kRunning;
}

Error CannotDeleteRunning() {
  return Error{ErrorCode::kConflict, std::string(kCannotDeleteRunning), {}, {}};
}

// The filter of a bulk operation's body.
Result<store::JobFilter> ParseFilter(const Body& filter) {
  store::JobFilter parsed;
  std::vector<FieldError> wrong;
  auto text = [&](std::string_view name, std::size_t max) -> std::optional<std::string> {
    if (filter.Of(name) == Body::Kind::kAbsent) return std::nullopt;
    if (filter.Of(name) == Body::Kind::kText) {
      std::string value = filter.Text(name);
      if (!value.empty() && value.size() <= max) return value;
    }
    wrong.push_back({filter.Path(name), fmt::format("must be text of 1 to {} bytes", max)});
    return std::nullopt;
  };
  auto type = [&](std::string_view name) {
    auto value = text(name, 50);
    if (value && !IsTypeName(*value)) {
      wrong.push_back({filter.Path(name), "must be 1 to 50 of a-z, 0-9 and _"});
    }
    return value;
  };
  auto time = [&](std::string_view name) -> std::optional<WallTime> {
    auto value = text(name, 50);
    auto parsed_time = value ? ParseRfc3339(*value) : std::nullopt;
    if (value && !parsed_time) {
      wrong.push_back({filter.Path(name), "must be an RFC 3339 time such as 2026-11-23T10:00:00Z"});
    }
    return parsed_time;
  };
  if (Body::Kind kind = filter.Of("status"); kind != Body::Kind::kAbsent) {
    std::optional<std::vector<State>> states;
    if (kind == Body::Kind::kText) states = ParseStates(filter.Text("status"));
    if (kind == Body::Kind::kTexts && !filter.Texts("status").empty()) {
      states = ParseStates(fmt::format("{}", fmt::join(filter.Texts("status"), ",")));
    }
    if (states)
      parsed.status = *states;
    else
      wrong.push_back({filter.Path("status"),
                       "must be one or more of pending, running, completed, failed, cancelled"});
  }
  parsed.entity_type = type("entity_type");
  parsed.job_type = type("job_type");
  parsed.q = text("q", 200);
  parsed.parent_job_id = text("parent_job_id", 100);
  parsed.created_after = time("created_after");
  parsed.created_before = time("created_before");
  if (!wrong.empty()) return std::unexpected(WrongFields(std::move(wrong)));
  bool any = !parsed.status.empty() || parsed.entity_type || parsed.job_type || parsed.q ||
             parsed.parent_job_id || parsed.created_after || parsed.created_before;
  if (!any)
    return std::unexpected(
        WrongField(filter.Path("status"), "or another member of filter is needed"));
  return parsed;
}

Result<std::vector<std::string>> ParseIds(const Body& body) {
  if (body.Of("job_ids") != Body::Kind::kTexts) {
    return std::unexpected(WrongField("job_ids", "must be a list of job ids"));
  }
  std::vector<std::string> ids = body.Texts("job_ids");
  if (ids.empty() || ids.size() > kMaxIds) {
    return std::unexpected(WrongField("job_ids", fmt::format("must be 1 to {} job ids", kMaxIds)));
  }
  std::ranges::sort(ids);
  auto repeated = std::ranges::unique(ids);
  ids.erase(repeated.begin(), repeated.end());
  return ids;
}

Result<Plan> ParsePlan(const Call& call, Kind kind) {
  auto body = Body::Parse(call.request.body, {"filter", "job_ids", "dry_run"});
  if (!body) return std::unexpected(body.error());
  Plan plan;
  plan.kind = kind;
  bool by_filter = body->Of("filter") != Body::Kind::kAbsent;
  bool by_ids = body->Of("job_ids") != Body::Kind::kAbsent;
  if (by_filter == by_ids) {
    return std::unexpected(WrongField("filter", "or job_ids must be given, and not both"));
  }
  if (Body::Kind dry = body->Of("dry_run"); dry == Body::Kind::kBool) {
    plan.dry_run = body->Bool("dry_run");
  } else if (dry != Body::Kind::kAbsent) {
    return std::unexpected(WrongField("dry_run", "must be true or false"));
  }
  if (by_ids) {
    auto ids = ParseIds(*body);
    if (!ids) return std::unexpected(ids.error());
    plan.job_ids = std::move(*ids);
    return plan;
  }
  if (body->Of("filter") != Body::Kind::kObject) {
    return std::unexpected(WrongField("filter", "must be an object"));
  }
  auto inner = body->Inner("filter", {"status", "entity_type", "job_type", "q", "parent_job_id",
                                      "created_after", "created_before"});
  if (!inner) return std::unexpected(inner.error());
  auto filter = ParseFilter(*inner);
  if (!filter) return std::unexpected(filter.error());
  plan.filter = std::move(*filter);
  return plan;
}

// "Retried 12 job(s)", or "Would retry 12 job(s)".
void RunBulk(const CallPtr& call, Kind kind, std::string_view would, std::string_view did) {
  Result<Plan> plan = ParsePlan(*call, kind);
  if (!plan) return call->Send(plan.error());
  if (kind == Kind::kDelete && OnlyRunning(plan->filter.status)) {
    return call->Send(CannotDeleteRunning());
  }
  plan->word = [dry = plan->dry_run, would, did](const store::BulkResult& result) {
    return ObjectWriter()
        .Text("message", dry ? fmt::format("Would {} {} job(s)", would, result.affected)
                             : fmt::format("{} {} job(s)", did, result.affected))
        .Bool("dry_run", dry)
        .Int("matched_count", result.matched)
        .Int("affected_count", result.affected)
        .Int("skipped_running", result.skipped_running)
        .Texts("job_ids", result.job_ids)
        .Take();
  };
  Start(call, std::move(*plan));
}

// What was asked for, as the answer repeats it.
std::string EchoFilters(const http::Request& request) {
  ObjectWriter filters;
  for (std::string_view name : {"entity_type", "job_type", "status", "created_before"}) {
    auto given = std::ranges::find(request.query, name,
                                   [](const auto& pair) { return std::string_view(pair.first); });
    filters.TextOrNull(name,
                       given == request.query.end() ? std::nullopt : std::optional(given->second));
  }
  return filters.Take();
}

}  // namespace

void BulkRetry(CallPtr call) { RunBulk(call, Kind::kRetry, "retry", "Retried"); }
void BulkCancel(CallPtr call) { RunBulk(call, Kind::kCancel, "cancel", "Cancelled"); }
void BulkDelete(CallPtr call) { RunBulk(call, Kind::kDelete, "delete", "Deleted"); }

void DeleteJobs(CallPtr call) {
  Query query(call->request);
  Plan plan;
  plan.filter.status = query.States("status");
  plan.filter.entity_type = query.Text("entity_type", 50);
  plan.filter.job_type = query.Text("job_type", 50);
  plan.filter.created_before = query.Time("created_before");
  for (const auto& [name, value] : {std::pair("entity_type", &plan.filter.entity_type),
                                    std::pair("job_type", &plan.filter.job_type)}) {
    if (*value && !IsTypeName(**value)) query.Wrong(name, "must be 1 to 50 of a-z, 0-9 and _");
  }
  bool all = query.Bool("delete_all", false);
  if (auto error = query.error()) return call->Send(*error);
  if (OnlyRunning(plan.filter.status)) return call->Send(CannotDeleteRunning());
  bool any = !plan.filter.status.empty() || plan.filter.entity_type || plan.filter.job_type ||
             plan.filter.created_before;
  if (!any && !all) {
    return call->Send(
        Problem(400, "Name at least one filter, or delete_all=true to delete every job."));
  }
  plan.word = [call](const store::BulkResult& result) {
    return ObjectWriter()
        .Text("message", fmt::format("Successfully deleted {} job(s)", result.affected))
        .Int("deleted_count", result.affected)
        .Int("skipped_running", result.skipped_running)
        .Raw("filters", EchoFilters(call->request))
        .Texts("job_ids", result.job_ids)
        .Take();
  };
  Start(call, std::move(plan));
}

}  // namespace forager::api
