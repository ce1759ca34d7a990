// Bulk operations: each call does a bounded piece of the work, so that others are written in
// between.
#include <algorithm>

#include "store/list_query.h"
#include "store/rows.h"
#include "store/sql_store.h"

namespace forager::store {
namespace {

constexpr std::int64_t kFewEnough = 20'000;  // rows that may be sorted in one call
constexpr int kWalked = 20'000;              // rows looked at in one call otherwise
constexpr std::size_t kIdsShown = 100;

// The states in which `what` does anything.
std::vector<State> StatesOf(Store::Bulk what) {
  switch (what) {
    case Store::Bulk::kDelete:
      return {};
    case Store::Bulk::kRetry:
      return {State::kFailed, State::kCancelled};
    case Store::Bulk::kCancel:
      return {State::kPending, State::kRunning};
    case Store::Bulk::kStart:
      return {State::kPending};
  }
  return {};
}

void CountAffected(BulkResult& result, const std::string& job_id) {
  ++result.affected;
  if (result.job_ids.size() < kIdsShown) result.job_ids.push_back(job_id);
}

}  // namespace

void SqlStore::Apply(Bulk what, std::int64_t id, bool dry_run, WallTime now, BulkResult& result) {
  std::string job_id;
  std::optional<std::string> unique_key;
  std::string entity_type;
  State status = State::kPending;
  bool slot_held = false;
  {
    Rows rows = db_.Query("bulk_row", {id});
    if (!rows.Next()) return;
    job_id = rows.Text(0);
    status = ParseState(rows.View(1)).value_or(State::kFailed);
    slot_held = rows.Int(2) != 0;
    unique_key = rows.MaybeText(3);
    entity_type = rows.Text(5);
  }
  ++result.matched;
  bool done = false;
  switch (what) {
    case Bulk::kDelete:
      if (status == State::kRunning || slot_held) {
        ++result.skipped_running;
      } else {
        done = dry_run || db_.Execute("delete_job", {job_id}) == 1;
      }
      break;
    case Bulk::kRetry:
      if (Allowed(status, Transition::kRequeue) && !HolderOf(unique_key)) {
        done = dry_run || db_.Execute("requeue_job", {job_id, now, UnixMillis(now)}) == 1;
        committed_.pending_added |= done && !dry_run;
      }
      break;
    case Bulk::kCancel:
      if (status == State::kPending) {
        done = dry_run || db_.Execute("cancel_pending_job", {job_id, now, false}) == 1;
        if (done && !dry_run) Count(HistoryEvent::kCancelled, entity_type, now);
      } else if (status == State::kRunning) {
        done = dry_run || CancelRunning(job_id, false, now);
      }
      break;
    case Bulk::kStart:
      if (status == State::kPending) {
        done = dry_run || db_.Execute("request_job", {job_id, now, UnixMillis(now)}) == 1;
        committed_.requested |= done && !dry_run;
      }
      break;
  }
  if (!done) return;
  CountAffected(result, job_id);
  if (!dry_run) Touched(job_id);
}

Result<BulkResult> SqlStore::ApplyToIds(Bulk what, const JobFilter& filter, std::int64_t after,
                                        int limit, bool dry_run, WallTime now) {
  BulkResult result;
  auto count = static_cast<std::int64_t>(filter.job_ids.size());
  std::int64_t end = std::min(count, after + limit);
  for (std::int64_t i = std::max<std::int64_t>(0, after); i < end; ++i) {
    std::int64_t id = 0;
    {
      Rows rows = db_.Query("row_id", {filter.job_ids[static_cast<std::size_t>(i)]});
      if (!rows.Next()) continue;
      id = rows.Int(0);
    }
    Apply(what, id, dry_run, now, result);
  }
  result.last_id = end < count ? end : 0;
  return result;
}

Result<BulkResult> SqlStore::BulkApply(Bulk what, const JobFilter& given, std::int64_t after,
                                       int limit, bool dry_run, WallTime now) {
  return Guard([&]() -> Result<BulkResult> {
    if (!given.job_ids.empty()) return ApplyToIds(what, given, after, limit, dry_run, now);
    JobFilter filter = given;
    if (std::vector<State> states = StatesOf(what); !states.empty()) {
      if (filter.status.empty()) {
        filter.status = states;
      } else {
        std::erase_if(filter.status,
                      [&](State s) { return std::ranges::find(states, s) == states.end(); });
        if (filter.status.empty()) return BulkResult{};
      }
    }
    ListQuery query(db_, filter);
    BulkResult result;
    std::vector<std::int64_t> ids;
    if (filter.parent_job_id || CountByTotals(filter) <= kFewEnough) {
      ids = query.IdsByIndex(after, limit);
      if (static_cast<int>(ids.size()) == limit) result.last_id = ids.back();
    } else {
      Rows rows = db_.Query("walk_end", {after, kWalked});
      rows.Next();
      if (rows.IsNull(0)) return result;
      ids = query.IdsByWalk(after, rows.Int(0), limit);
      result.last_id = static_cast<int>(ids.size()) == limit ? ids.back() : rows.Int(0);
    }
    for (std::int64_t id : ids) Apply(what, id, dry_run, now, result);
    return result;
  });
}

}  // namespace forager::store
