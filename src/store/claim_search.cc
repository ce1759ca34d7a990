#include "store/claim_search.h"

namespace forager::store {
namespace {

constexpr int kTiesLookedAt = 64;

bool Before(const ClaimSearch::Lane& a, const ClaimSearch::Lane& b) {
  return std::tie(a.head, a.first) < std::tie(b.head, b.first);
}

}  // namespace

ClaimSearch::ClaimSearch(Database& database, const ClaimRequest& request)
    : db_(database), limits_(request.limits), only_started_before_(request.only_started_before) {
  {
    Rows rows = db_.Query("slots_by_lane", {});
    while (rows.Next()) {
      int count = static_cast<int>(rows.Int(2));
      slots_used_ += count;
      by_type_[rows.Text(0)] += count;
      by_host_[rows.Text(1)] += count;
    }
  }
  {
    Rows rows = db_.Query("pauses", {});
    while (rows.Next()) paused_.insert(rows.Text(0));
  }
  Rows rows = db_.Query("pending_types", {});
  while (rows.Next()) types_.insert(rows.Text(0));
}

bool ClaimSearch::TypeReached(const std::string& entity_type) const {
  auto limit = limits_.per_type.find(entity_type);
  if (limit == limits_.per_type.end() || limit->second <= 0) return false;
  auto used = by_type_.find(entity_type);
  return used != by_type_.end() && used->second >= limit->second;
}

bool ClaimSearch::HostReached(const std::string& host) const {
  if (limits_.per_host <= 0 || host.empty()) return false;
  auto used = by_host_.find(host);
  return used != by_host_.end() && used->second >= limits_.per_host;
}

std::int64_t ClaimSearch::FirstOf(const Lane& lane) {
  Rows rows = db_.Query("first_of_lane", {lane.entity_type, lane.host, lane.auto_start});
  return rows.Next() ? rows.Int(0) : 0;
}

std::optional<ClaimSearch::Lane> ClaimSearch::BestOf(const std::string& entity_type,
                                                     bool auto_start) {
  std::optional<Lane> best;
  int ties = 0;
  Rows rows = db_.Query("lanes_of_type", {entity_type, auto_start});
  while (rows.Next()) {
    // Jobs of one millisecond go in the order of their rows.
    if (best && (rows.Int(1) != best->head || ++ties > kTiesLookedAt)) break;
    Lane lane{entity_type, rows.Text(0), auto_start, rows.Int(1), 0};
    if (HostReached(lane.host)) {
      met_limit_ = true;
      continue;
    }
    lane.first = FirstOf(lane);
    if (!best || lane.first < best->first) best = std::move(lane);
  }
  return best;
}

std::optional<ClaimSearch::Lane> ClaimSearch::Next() {
  std::optional<Lane> best;
  auto consider = [&](const std::optional<Lane>& lane) {
    if (lane && (!best || Before(*lane, *best))) best = lane;
  };
  for (const std::string& type : types_) {
    bool paused = paused_.contains("") || paused_.contains(type);
    if (paused || TypeReached(type)) {
      Rows rows = db_.Query("has_lane", {type, only_started_before_});
      bool ready = rows.Next();
      if (ready) (paused ? met_pause_ : met_limit_) = true;
      continue;
    }
    auto known = best_.find(type);
    if (known == best_.end() || (known->second && HostReached(known->second->host))) {
      std::optional<Lane> lane = BestOf(type, true);
      if (!only_started_before_) {
        std::optional<Lane> other = BestOf(type, false);
        if (other && (!lane || Before(*other, *lane))) lane = std::move(other);
      }
      known = best_.insert_or_assign(type, std::move(lane)).first;
    }
    consider(known->second);
  }
  return best;
}

void ClaimSearch::Took(const std::string& entity_type, const std::string& host) {
  ++slots_used_;
  ++by_type_[entity_type];
  ++by_host_[host];
  Forget(entity_type);
}

ClaimBlock ClaimSearch::Why(std::int64_t total_pending) const {
  if (total_pending == 0) return ClaimBlock::kNothingPending;
  if (met_limit_) return ClaimBlock::kOtherLimits;
  if (met_pause_) return ClaimBlock::kPaused;
  return ClaimBlock::kNothingDue;
}

}  // namespace forager::store
