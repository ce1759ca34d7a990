// DELETE /jobs and the bulk operations: one bounded transaction per batch, until no more jobs
// match.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "api/body.h"
#include "api/handlers.h"
#include "api/object_writer.h"
#include "api/problem.h"
#include "api/query.h"
#include "job/codec.h"

namespace forager::api {
namespace {

namespace json = boost::json;
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

// "failed", "failed,cancelled" or ["failed", "cancelled"].
std::vector<State> ReadStates(MemberReader& reader, std::string_view name) {
  const json::value* given = reader.Find(name);
  if (!given) return {};
  std::vector<std::string> names;
  if (given->is_string()) names.emplace_back(given->get_string());
  if (given->is_array()) {
    for (const json::value& item : given->get_array()) {
      names.emplace_back(item.is_string() ? std::string_view(item.get_string()) : "");
      if (names.size() > kAllStates.size()) break;
    }
  }
  std::optional<std::vector<State>> states = ParseStates(fmt::format("{}", fmt::join(names, ",")));
  if (states) return *states;
  reader.Wrong(name, "must be one or more of pending, running, completed, failed, cancelled");
  return {};
}

bool IsEmpty(const store::JobFilter& filter) {
  return filter.status.empty() && !filter.entity_type && !filter.job_type && !filter.q &&
         !filter.parent_job_id && !filter.created_after && !filter.created_before;
}

store::JobFilter ReadFilter(const json::value& given, std::vector<FieldError>& wrong) {
  store::JobFilter filter;
  if (!given.is_object()) {
    wrong.push_back({"filter", "must be an object"});
    return filter;
  }
  MemberReader reader(given.get_object(), "filter.", wrong);
  filter.status = ReadStates(reader, "status");
  filter.entity_type = ReadTypeName(reader, "entity_type");
  filter.job_type = ReadTypeName(reader, "job_type");
  filter.q = reader.Text("q", 200);
  filter.parent_job_id = reader.Text("parent_job_id", 100);
  filter.created_after = reader.Time("created_after");
  filter.created_before = reader.Time("created_before");
  if (filter.q && filter.q->empty()) reader.Wrong("q", "must not be empty");
  reader.RefuseOthers();
  if (wrong.empty() && IsEmpty(filter))
    wrong.push_back({"filter", "must have at least one member"});
  return filter;
}

std::vector<std::string> ReadIds(const json::value& given, std::vector<FieldError>& wrong) {
  std::vector<std::string> ids;
  const json::array* list = given.if_array();
  bool good = list && !list->empty() && list->size() <= kMaxIds;
  for (std::size_t i = 0; good && i < list->size(); ++i) {
    const json::string* id = (*list)[i].if_string();
    good = id && !id->empty() && id->size() <= 100;
    if (good) ids.emplace_back(*id);
  }
  if (!good)
    wrong.push_back({"job_ids", fmt::format("must be a list of 1 to {} job ids", kMaxIds)});
  std::ranges::sort(ids);
  auto repeated = std::ranges::unique(ids);
  ids.erase(repeated.begin(), repeated.end());
  return ids;
}

Result<Plan> ParsePlan(const Call& call, Kind kind) {
  Result<json::object> body = ReadBody(call.request.body);
  if (!body) return std::unexpected(body.error());
  std::vector<FieldError> wrong;
  MemberReader reader(*body, "", wrong);
  const json::value* filter = reader.Find("filter");
  const json::value* ids = reader.Find("job_ids");
  const json::value* dry_run = reader.Find("dry_run");
  reader.RefuseOthers();
  Plan plan;
  plan.kind = kind;
  if ((filter != nullptr) == (ids != nullptr)) {
    reader.Wrong("filter", "or job_ids must be given, and not both");
  }
  if (filter) plan.filter = ReadFilter(*filter, wrong);
  if (ids) plan.job_ids = ReadIds(*ids, wrong);
  if (dry_run && !dry_run->is_bool()) reader.Wrong("dry_run", "must be true or false");
  if (!wrong.empty()) return std::unexpected(WrongFields(std::move(wrong)));
  plan.dry_run = dry_run && dry_run->get_bool();
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
    if (given != request.query.end()) filters.Text(name, given->second);
  }
  return filters.Take();
}

}  // namespace

void BulkRetry(CallPtr call) { RunBulk(call, Kind::kRetry, "retry", "Retried"); }
void BulkCancel(CallPtr call) { RunBulk(call, Kind::kCancel, "cancel", "Cancelled"); }
void BulkStart(CallPtr call) { RunBulk(call, Kind::kStart, "run", "Asked to run"); }
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
  if (IsEmpty(plan.filter) && !all) {
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
