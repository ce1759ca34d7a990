#include "api/start_words.h"

#include <fmt/format.h>

namespace forager::api {
namespace {

std::string LimitReached(int running, int max_running) {
  if (max_running == 1) {
    return fmt::format("{} job(s) already running. Only one job can run at a time.", running);
  }
  return fmt::format("{} job(s) already running. Only {} jobs can run at a time.", running,
                     max_running);
}

std::string StartedMessage(const store::ClaimResult& claim, int max_running) {
  std::string what = claim.jobs.size() == 1 ? "job " + claim.jobs[0].job_id
                                            : fmt::format("{} job(s)", claim.jobs.size());
  std::string mode = max_running == 1 ? "sequential mode: 1 job at a time"
                                      : fmt::format("up to {} jobs at a time", max_running);
  return fmt::format("Started {} in background ({}). {} job(s) remaining in queue.", what, mode,
                     claim.total_pending);
}

}  // namespace

std::string ExecutePendingMessage(const store::ClaimResult& claim, int max_running,
                                  const std::vector<std::string>& full_types) {
  using enum store::ClaimBlock;
  if (!claim.jobs.empty()) return StartedMessage(claim, max_running);
  // The limit is looked at first, as the user's own server does.
  if (claim.block == kTotalLimit || claim.slots_used >= max_running) {
    return "Cannot start new job: " + LimitReached(claim.slots_used, max_running);
  }
  if (claim.total_pending == 0) return "No pending jobs to execute";
  if (claim.block == kPaused) {
    return fmt::format("Dispatch is paused: no job was started. {} job(s) remaining in queue.",
                       claim.total_pending);
  }
  if (claim.block == kNothingDue) {
    return fmt::format("No pending job is due yet: {} job(s) wait for their time.",
                       claim.total_pending);
  }
  std::string why = "every due job waits for the limit of its host or for its last attempt to end.";
  if (!full_types.empty()) {
    why = fmt::format("the limit of entity type {} is reached.", fmt::join(full_types, ", "));
  }
  return fmt::format("Cannot start new job: {} {} job(s) remaining in queue.", why,
                     claim.total_pending);
}

std::string DrainedWords(const std::string& node) {
  return fmt::format(
      "This server is being drained and starts no jobs; POST /nodes/{}/resume lets it again.",
      node);
}

std::string NodeFullWords(int capacity) {
  return fmt::format("This server runs {} attempt(s), as many as its capacity allows.", capacity);
}

std::optional<Error> NodeStartsNone(store::ClaimBlock block, const store::ClaimRequest& request) {
  std::string why;
  if (block == store::ClaimBlock::kDraining) why = DrainedWords(request.node);
  if (block == store::ClaimBlock::kNodeFull) why = NodeFullWords(request.capacity);
  if (why.empty()) return std::nullopt;
  return Error{ErrorCode::kConflict, "Cannot start new job: " + why, {}, {}};
}

Error NotStarted(const Job& job, const store::ClaimResult& claim,
                 const store::ClaimRequest& request) {
  using enum store::ClaimBlock;
  if (auto none = NodeStartsNone(claim.block, request)) return *none;
  std::string begin = "Cannot start job " + job.job_id + ": ";
  std::string why;
  if (job.status != State::kPending) {
    why = fmt::format("it is {}, not pending.", Name(job.status));
  } else if (claim.block == kTotalLimit) {
    why = LimitReached(claim.slots_used, request.limits.total);
  } else if (claim.block == kSlotHeld) {
    why = "its last attempt is not yet proven dead and still holds a slot.";
  } else if (claim.block == kPaused) {
    why = "dispatch is paused.";
  } else {
    why = "the limit of its entity type or host is reached.";
  }
  return Error{ErrorCode::kConflict, begin + why, {}, {}};
}

}  // namespace forager::api
