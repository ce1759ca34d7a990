#include "store/claim_search.h"

#include <limits>

namespace forager::store {
namespace {

constexpr int kLanesRead = 64;  // of one type at a time
constexpr int kRounds = 1'000;  // of mending lanes, by one claim

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

// Reads the lane's first job; false when it has none.
bool ClaimSearch::ReadFirst(Lane& lane) {
  Rows rows = db_.Query("first_of_lane", {lane.entity_type, lane.host, lane.auto_start});
  if (!rows.Next()) return false;
  lane.first = rows.Int(0);
  lane.head = rows.Int(1);
  return true;
}

// Where lanes are hints, what the first job says of its lane is written there.
void ClaimSearch::Mend(const Lane& lane, bool has_jobs) {
  if (has_jobs) {
    db_.Send("raise_lane", {lane.entity_type, lane.host, lane.auto_start, lane.head});
  } else {
    db_.Send("drop_lane", {lane.entity_type, lane.host, lane.auto_start});
  }
}

// Jobs of one millisecond go in the order of their rows, so the first job of every lane read is
// looked at. Full hosts are passed over and do not count: there are no more of them than slots.
// True when a lane was not as it said.
bool ClaimSearch::Load(Window& window, const std::string& entity_type, bool auto_start) {
  int read = 0;
  bool mended = false;
  // Beyond the window, as many as are passed over at most.
  std::size_t full = limits_.per_host > 0 ? by_host_.size() : 0;
  auto most = static_cast<std::int64_t>(kLanesRead + 1 + full + passed_over_.size());
  Rows rows = db_.Query("lanes_of_type", {entity_type, auto_start, most});
  while (rows.Next()) {
    Lane lane{entity_type, rows.Text(0), auto_start, rows.Int(1), 0};
    if (passed_over_.contains({entity_type, lane.host, auto_start})) continue;
    if (HostReached(lane.host)) {
      met_limit_ = true;
      continue;
    }
    if (read++ == kLanesRead) {
      window.complete_below = std::min(window.complete_below, lane.head);
      break;
    }
    std::int64_t told = lane.head;
    bool has_jobs = !rows.IsNull(2);
    if (has_jobs) {
      lane.first = rows.Int(2);
      lane.head = rows.Int(3);
    }
    if (db_.LanesAreHints() && (!has_jobs || lane.head != told)) {
      Mend(lane, has_jobs);
      mended = true;
      if (!has_jobs) continue;
    }
    window.lanes.insert(std::move(lane));
  }
  return mended;
}

bool ClaimSearch::OthersMayComeFirst(const Window& window) const {
  constexpr auto kComplete = std::numeric_limits<std::int64_t>::max();
  return window.lanes.empty() ? window.complete_below != kComplete
                              : window.lanes.begin()->head > window.complete_below;
}

std::optional<ClaimSearch::Lane> ClaimSearch::BestOf(const std::string& entity_type) {
  auto [found, unknown] = windows_.try_emplace(entity_type);
  Window& window = found->second;
  auto full = [&](const Lane& lane) { return HostReached(lane.host); };
  while (!window.lanes.empty() && full(*window.lanes.begin())) {
    met_limit_ = true;
    window.lanes.erase(window.lanes.begin());
  }
  if (unknown || OthersMayComeFirst(window)) {
    for (int round = 0; round < kRounds; ++round) {
      window = {{}, std::numeric_limits<std::int64_t>::max()};
      bool mended = Load(window, entity_type, true);
      if (!only_started_before_) mended |= Load(window, entity_type, false);
      if (!mended || !OthersMayComeFirst(window)) break;
    }
  }
  if (window.lanes.empty()) return std::nullopt;
  return *window.lanes.begin();
}

std::optional<ClaimSearch::Lane> ClaimSearch::Next() {
  std::optional<Lane> best;
  for (const std::string& type : types_) {
    bool paused = paused_.contains("") || paused_.contains(type);
    if (paused || TypeReached(type)) {
      Rows rows = db_.Query("has_lane", {type, only_started_before_});
      bool ready = rows.Next();
      if (ready) (paused ? met_pause_ : met_limit_) = true;
      continue;
    }
    auto lane = BestOf(type);
    if (lane && (!best || Sooner{}(*lane, *best))) best = std::move(lane);
  }
  return best;
}

void ClaimSearch::Took(const Lane& lane) {
  ++slots_used_;
  ++by_type_[lane.entity_type];
  ++by_host_[lane.host];
  auto& lanes = windows_[lane.entity_type].lanes;
  lanes.erase(lane);
  Lane next = lane;
  bool has_jobs = ReadFirst(next);
  if (db_.LanesAreHints()) Mend(next, has_jobs);
  if (has_jobs) lanes.insert(std::move(next));
}

void ClaimSearch::PassOver(const Lane& lane) {
  passed_over_.insert({lane.entity_type, lane.host, lane.auto_start});
  windows_[lane.entity_type].lanes.erase(lane);
}

ClaimBlock ClaimSearch::Why(std::int64_t total_pending) const {
  if (total_pending == 0) return ClaimBlock::kNothingPending;
  if (met_limit_) return ClaimBlock::kOtherLimits;
  if (met_pause_) return ClaimBlock::kPaused;
  return ClaimBlock::kNothingDue;
}

}  // namespace forager::store
