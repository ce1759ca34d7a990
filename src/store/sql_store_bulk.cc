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

// Their rows are held from the look on: what was judged stays true, and no change is waited for.
void SqlStore::ApplyAll(Bulk what, std::span<const std::int64_t> ids, bool dry_run, WallTime now,
                        BulkResult& result) {
  const char* look = dry_run ? "bulk_row" : "bulk_row_to_change";
  std::vector<BulkRow> found;
  for (std::int64_t id : ids) db_.Expect(look, {id});
  for (std::int64_t id : ids) {
    Rows rows = db_.Query(look, {id});
    if (!rows.Next()) continue;
    found.push_back({rows.Text(0), ParseState(rows.View(1)).value_or(State::kFailed),
                     rows.Int(2) != 0, rows.MaybeText(3), rows.Text(4), rows.Int(5) != 0});
    if (what == Bulk::kRetry && found.back().unique_key)
      db_.Expect("unique_key_holder", {found.back().unique_key});
  }
  for (const BulkRow& row : found) {
    ++result.matched;
    bool skipped = what == Bulk::kDelete && (row.status == State::kRunning || row.slot_held);
    result.skipped_running += skipped ? 1 : 0;
    if (!Applies(what, row)) continue;
    CountAffected(result, row.job_id);
    if (dry_run) continue;
    Apply(what, row, now);
    Touched(row.job_id);
  }
}

bool SqlStore::Applies(Bulk what, const BulkRow& row) {
  switch (what) {
    case Bulk::kDelete:
      return row.status != State::kRunning && !row.slot_held;
    case Bulk::kRetry:
      return Allowed(row.status, Transition::kRequeue) && !HolderOf(row.unique_key);
    case Bulk::kCancel:
      return row.status == State::kPending || row.status == State::kRunning;
    case Bulk::kStart:
      return row.status == State::kPending;
  }
  return false;
}

void SqlStore::Apply(Bulk what, const BulkRow& row, WallTime now) {
  switch (what) {
    case Bulk::kDelete:
      db_.Send("delete_job", {row.job_id});
      break;
    case Bulk::kRetry:
      db_.Send("requeue_job", {row.job_id, now, UnixMillis(now)});
      committed_.pending_added = true;
      break;
    case Bulk::kCancel:
      if (row.status == State::kRunning && row.attended) {
        db_.Send("request_cancel", {row.job_id, now, false});
      } else {
        bool pending = row.status == State::kPending;
        db_.Send(pending ? "cancel_pending_job" : "cancel_unattended_job",
                 {row.job_id, now, false});
        Count(HistoryEvent::kCancelled, row.entity_type, now);
        committed_.pending_added |= !pending;  // its slot is free
      }
      committed_.orders_added |= row.status == State::kRunning;
      break;
    case Bulk::kStart:
      db_.Send("request_job", {row.job_id, now, UnixMillis(now)});
      committed_.requested = true;
      break;
  }
}

Result<BulkResult> SqlStore::ApplyToIds(Bulk what, const JobFilter& filter, std::int64_t after,
                                        int limit, bool dry_run, WallTime now) {
  BulkResult result;
  auto count = static_cast<std::int64_t>(filter.job_ids.size());
  std::int64_t begin = std::max<std::int64_t>(0, after), end = std::min(count, after + limit);
  std::span<const std::string> named(filter.job_ids);
  if (begin < end) {
    named = named.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
    std::vector<std::int64_t> ids;
    for (const std::string& job_id : named) db_.Expect("row_id", {job_id});
    for (const std::string& job_id : named) {
      Rows rows = db_.Query("row_id", {job_id});
      if (rows.Next()) ids.push_back(rows.Int(0));
    }
    ApplyAll(what, ids, dry_run, now, result);
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
    ApplyAll(what, ids, dry_run, now, result);
    return result;
  });
}

}  // namespace forager::store
