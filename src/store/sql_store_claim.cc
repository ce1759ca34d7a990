// Claim: from pending to running under the limits; and what dispatch asks about readiness.
#include "store/claim_search.h"
#include "store/rows.h"
#include "store/sql_store.h"

namespace forager::store {
namespace {

constexpr int kPromotedAtOnce = 200;  // waiting jobs made ready by one claim
constexpr int kRankCountedTo = 1'000;
constexpr int kHoldersShown = 10;

}  // namespace

Result<ClaimResult> SqlStore::Claim(const ClaimRequest& request, WallTime now) {
  return Guard([&] { return request.job_id ? ClaimOne(request, now) : ClaimNext(request, now); });
}

void SqlStore::ExpectNode(const ClaimRequest& request) {
  if (request.unless_drained) db_.Expect("node_drains", {request.node});
  if (request.capacity > 0) db_.Expect("attempts_of_node", {request.node});
}

// Why this node may start nothing, if so; else no more is claimed than it has room for. Every claim
// of the node asks here, whoever makes it.
std::optional<ClaimBlock> SqlStore::BlockOfNode(ClaimRequest& request) {
  if (request.unless_drained) {
    Rows rows = db_.Query("node_drains", {request.node});
    if (rows.Next() && rows.Int(0) != 0) return ClaimBlock::kDraining;
  }
  if (request.capacity > 0) {
    Rows rows = db_.Query("attempts_of_node", {request.node});
    rows.Next();
    int room = request.capacity - static_cast<int>(rows.Int(0));
    if (room <= 0) return ClaimBlock::kNodeFull;
    request.count = std::min(request.count, room);
  }
  return std::nullopt;
}

// True when a job became ready.
bool SqlStore::PromoteDue(WallTime now) {
  std::vector<std::int64_t> due;
  for (bool auto_start : {true, false}) {
    Rows rows = db_.Query("due_waiting", {auto_start, UnixMillis(now), kPromotedAtOnce});
    while (rows.Next()) due.push_back(rows.Int(0));
  }
  for (std::int64_t id : due) db_.Send("promote", {id});
  return !due.empty();
}

void SqlStore::ExpectAttempt(std::int64_t id, const ClaimRequest& request, WallTime lease_end,
                             WallTime now) {
  db_.Expect("claim_job", {id, now, request.node, lease_end});
}

// None when somebody else is changing the row at this moment.
std::optional<Job> SqlStore::StartAttempt(std::int64_t id, const ClaimRequest& request,
                                          WallTime lease_end, WallTime now) {
  Job job;
  {
    Rows rows = db_.Query("claim_job", {id, now, request.node, lease_end});
    if (!rows.Next()) return std::nullopt;
    job = ReadJob(rows);
    rows.Next();
  }
  db_.Send("insert_attempt", {job.job_id, job.attempt, request.node, now});
  committed_.history.At(job.entity_type, now).waits.Add(now - job.run_at.value_or(job.created_at));
  Touched(job.job_id);
  return job;
}

Result<ClaimResult> SqlStore::ClaimOne(const ClaimRequest& asked, WallTime now) {
  ClaimRequest request = asked;
  ExpectNode(request);
  std::int64_t id = 0;
  std::string status, entity_type, host;
  bool found = false, slot_held = false;
  db_.BeginClaims();
  {
    Rows rows = db_.Query("claim_target", {*request.job_id});
    found = rows.Next();
    if (found) {
      id = rows.Int(0);
      status = rows.Text(1);
      slot_held = rows.Int(2) != 0;
      entity_type = rows.Text(3);
      host = rows.Text(4);
    }
  }
  auto node_block = BlockOfNode(request);
  if (!found)
    return forager::Fail(ErrorCode::kNotFound, "There is no job " + *request.job_id + ".");
  ClaimSearch search(db_, request);
  ClaimResult result;
  result.slots_used = search.slots_used();
  if (status != Name(State::kPending)) {
    result.block = ClaimBlock::kNotPending;
  } else if (node_block) {
    result.block = *node_block;
  } else if (slot_held) {
    result.block = ClaimBlock::kSlotHeld;
  } else if (search.TotalReached()) {
    result.block = ClaimBlock::kTotalLimit;
  } else if (search.TypeReached(entity_type) || search.HostReached(host)) {
    result.block = ClaimBlock::kOtherLimits;
  } else if (auto job = StartAttempt(id, request, db_.LeaseClock(now) + request.lease, now)) {
    result.jobs.push_back(std::move(*job));
  } else {
    result.block = ClaimBlock::kNotPending;
  }
  result.total_pending = TotalPending();
  return result;
}

Result<ClaimResult> SqlStore::ClaimNext(const ClaimRequest& asked, WallTime now) {
  ClaimRequest request = asked;
  ExpectNode(request);
  for (bool auto_start : {true, false})
    db_.Expect("due_waiting", {auto_start, UnixMillis(now), kPromotedAtOnce});
  db_.BeginClaims();
  ClaimSearch search(db_, request);
  if (auto node_block = BlockOfNode(request)) {
    ClaimResult nothing;
    nothing.block = *node_block;
    nothing.slots_used = search.slots_used();
    nothing.total_pending = search.total_pending();
    return nothing;
  }
  if (PromoteDue(now)) db_.BeginClaims();  // their lanes count too
  WallTime lease_end = db_.LeaseClock(now) + request.lease;
  ExpectNextDue(request.only_started_before);
  ClaimResult result;
  result.slots_used = search.slots_used();
  bool exhausted = false;
  auto wanted = [&] { return request.count - static_cast<int>(result.jobs.size()); };
  while (wanted() > 0 && !search.TotalReached() && !exhausted) {
    auto picked = search.Pick(wanted());
    exhausted = picked.empty();
    for (const auto& job : picked) ExpectAttempt(job.id, request, lease_end, now);
    for (const auto& job : picked) {
      if (auto started = StartAttempt(job.id, request, lease_end, now)) {
        result.jobs.push_back(std::move(*started));
      } else {
        search.Missed(job);
      }
    }
  }
  search.Settle();
  result.total_pending = search.total_pending() - static_cast<std::int64_t>(result.jobs.size());
  if (wanted() > 0)
    result.block = exhausted ? search.Why(result.total_pending) : ClaimBlock::kTotalLimit;
  return result;
}

// Asked with a claim too: the dispatcher wants both.
void SqlStore::ExpectNextDue(bool only_started_before) {
  db_.Expect("next_due", {true});
  if (!only_started_before) db_.Expect("next_due", {false});
}

Result<std::optional<WallTime>> SqlStore::NextDue(bool only_started_before) {
  return Guard([&]() -> Result<std::optional<WallTime>> {
    std::optional<WallTime> next;
    ExpectNextDue(only_started_before);
    for (bool auto_start : {true, false}) {
      if (only_started_before && !auto_start) continue;
      Rows rows = db_.Query("next_due", {auto_start});
      if (!rows.Next()) continue;
      WallTime due{Millis{rows.Int(0)}};
      if (!next || due < *next) next = due;
    }
    return next;
  });
}

Result<Store::SlotUse> SqlStore::Slots(const std::string& entity_type, const std::string& host) {
  return Guard([&]() -> Result<SlotUse> {
    SlotUse use;
    {
      Rows rows = db_.Query("slots_by_lane", {});
      while (rows.Next()) {
        int count = static_cast<int>(rows.Int(2));
        use.total += count;
        if (rows.View(0) == entity_type) use.of_type += count;
        if (rows.View(1) == host) use.of_host += count;
      }
    }
    Rows rows = db_.Query("slot_holders", {kHoldersShown});
    while (rows.Next()) use.holders.push_back(rows.Text(0));
    return use;
  });
}

Result<int> SqlStore::ReadyBefore(const std::string& job_id) {
  return Guard([&]() -> Result<int> {
    std::int64_t key = 0;
    {
      Rows rows = db_.Query("rank_of", {job_id});
      if (!rows.Next()) return 0;
      key = rows.Int(0);
    }
    Rows rows = db_.Query("ready_before", {key, kRankCountedTo});
    rows.Next();
    return static_cast<int>(rows.Int(0));
  });
}

Result<void> SqlStore::Pause(const std::string& entity_type, WallTime now) {
  return Guard([&]() -> Result<void> {
    db_.Execute("pause", {entity_type, now});
    return {};
  });
}

Result<void> SqlStore::Resume(const std::string& entity_type) {
  return Guard([&]() -> Result<void> {
    db_.Execute("resume", {entity_type});
    committed_.pending_added = true;
    return {};
  });
}

Result<std::set<std::string>> SqlStore::Paused() {
  return Guard([&]() -> Result<std::set<std::string>> {
    std::set<std::string> paused;
    Rows rows = db_.Query("pauses", {});
    while (rows.Next()) paused.insert(rows.Text(0));
    return paused;
  });
}

}  // namespace forager::store
