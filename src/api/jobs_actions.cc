// What moves one job: start, retry, delete; and execute-pending.
#include "api/claim_job.h"
#include "api/handlers.h"
#include "api/object_writer.h"
#include "api/problem.h"
#include "api/query.h"
#include "api/routes.h"
#include "api/start_words.h"
#include "job/codec.h"

namespace forager::api {

store::ClaimRequest ClaimOf(const Call& call, int count) {
  store::ClaimRequest request;
  request.node = call.control().node();
  request.lease = call.control().lease();
  request.limits = call.control().limits();
  request.count = count;
  request.capacity = call.control().capacity();
  request.unless_drained = true;
  return request;
}

std::optional<Error> CannotStartNow(const Call& call) {
  auto why = call.control().why_no_start();
  if (!why) return std::nullopt;
  return Error{ErrorCode::kUnavailable, why->words, {}, std::chrono::seconds(1)};
}

Result<Claimed> ClaimById(const Call& call, store::Store& store) {
  Result<Job> job = store.Find(call.id);
  if (!job) return std::unexpected(job.error());
  store::ClaimRequest request = ClaimOf(call, 1);
  request.job_id = call.id;
  auto claim = store.Claim(request, call.Now());
  if (!claim) return std::unexpected(claim.error());
  if (claim->jobs.empty()) return Claimed{{}, NotStarted(*job, *claim, request)};
  return Claimed{std::move(claim->jobs.front()), {}};
}

namespace {

// The entity types at their limit, when limits other than the total kept jobs from starting.
Result<std::vector<std::string>> FullTypes(store::Store& store, const store::ClaimResult& claim,
                                           const store::ClaimLimits& limits) {
  std::vector<std::string> full;
  if (!claim.jobs.empty() || claim.block != store::ClaimBlock::kOtherLimits) return full;
  for (const auto& [type, limit] : limits.per_type) {
    auto slots = store.Slots(type, "");
    if (!slots) return std::unexpected(slots.error());
    if (slots->of_type >= limit) full.push_back(type);
  }
  return full;
}

http::Response ExecutedPending(const store::ClaimResult& claim, int max_running,
                               const std::vector<std::string>& full_types) {
  std::vector<std::string> ids;
  for (const Job& job : claim.jobs) ids.push_back(job.job_id);
  return Json(200, ObjectWriter()
                       .Int("total_pending", claim.total_pending)
                       .Int("started", static_cast<std::int64_t>(ids.size()))
                       .Texts("job_ids", ids)
                       .Text("message", ExecutePendingMessage(claim, max_running, full_types))
                       .Take());
}

}  // namespace

Result<WriteWork> ExecutePending(const Call& call) {
  Query query(call.request);
  int limit = query.Int("limit", 1, 1'000, 1);
  if (auto error = query.error()) return std::unexpected(*error);
  if (auto error = CannotStartNow(call)) return std::unexpected(*error);
  return [&call, request = ClaimOf(call, limit)](store::Store& store) -> Result<Answer> {
    auto claim = store.Claim(request, call.Now());
    if (!claim) return std::unexpected(claim.error());
    auto full_types = FullTypes(store, *claim, request.limits);
    if (!full_types) return std::unexpected(full_types.error());
    if (auto refused = NodeStartsNone(claim->block, request); refused && claim->jobs.empty())
      return [refused = *refused] { return ProblemOf(refused); };
    return [&call, claim = std::move(*claim), full_types = std::move(*full_types),
            max = request.limits.total] {
      if (!claim.jobs.empty()) call.control().StartClaimed(claim.jobs);
      return ExecutedPending(claim, max, full_types);
    };
  };
}

Result<WriteWork> StartJob(const Call& call) {
  if (auto error = CannotStartNow(call)) return std::unexpected(*error);
  return [&call](store::Store& store) -> Result<Answer> {
    Result<Claimed> claimed = ClaimById(call, store);
    if (!claimed) return std::unexpected(claimed.error());
    return [&call, claimed = std::move(*claimed)] {
      if (!claimed.job) return ProblemOf(claimed.refusal);
      call.control().StartClaimed({*claimed.job});
      return Json(202, WriteJob(*claimed.job));
    };
  };
}

Result<WriteWork> RetryJob(const Call& call) {
  return [&call](store::Store& store) -> Result<Answer> {
    Result<Job> job = store.Requeue(call.id, call.Now());
    if (!job) return std::unexpected(job.error());
    return [job = std::move(*job)] { return Json(200, WriteJob(job)); };
  };
}

Result<WriteWork> DeleteJob(const Call& call) {
  return [&call](store::Store& store) -> Result<Answer> {
    if (auto gone = store.Delete(call.id); !gone) return std::unexpected(gone.error());
    return [&call] {
      return Json(
          200,
          ObjectWriter().Text("message", "Deleted job " + call.id).Text("job_id", call.id).Take());
    };
  };
}

}  // namespace forager::api
