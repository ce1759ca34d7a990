#include "store/claim_search.h"

#include <limits>

namespace forager::store {
namespace {

constexpr int kLanesRead = 64;  // of one type at a time
constexpr int kJobsRead = 64;   // of one lane at a time
constexpr int kRounds = 1'000;  // of mending lanes, by one claim

}  // namespace

ClaimSearch::ClaimSearch(Database& database, const ClaimRequest& request)
    : db_(database), limits_(request.limits), only_started_before_(request.only_started_before) {
  for (const char* question : {"slots_by_lane", "pauses", "pending_types", "total_pending"})
    db_.Expect(question, {});
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
  {
    Rows rows = db_.Query("pending_types", {});
    while (rows.Next()) types_.insert(rows.Text(0));
  }
  Rows rows = db_.Query("total_pending", {});
  if (rows.Next()) total_pending_ = rows.Int(0);
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

// The job behind the first becomes the first; false when there is none. Reads as many as are
// `wanted`, and one more, which tells the lane's head when they are gone.
bool ClaimSearch::Advance(Lane& lane, int wanted) {
  if (lane.next.empty() && !lane.read_all) {
    int most = std::min(wanted, kJobsRead) + 1;
    Rows rows = db_.Query("next_of_lane", {lane.entity_type, lane.host, lane.auto_start, lane.head,
                                           lane.first, most});
    while (rows.Next()) lane.next.push_back({rows.Int(0), rows.Int(1)});
    lane.read_all = static_cast<int>(lane.next.size()) < most;
  }
  if (lane.next.empty()) return false;
  lane.first = lane.next.front().id;
  lane.head = lane.next.front().key;
  lane.next.pop_front();
  return true;
}

// Where lanes are hints, what the first job says of its lane is written there.
void ClaimSearch::Mend(const LaneKey& lane, std::optional<std::int64_t> head) {
  const auto& [entity_type, host, auto_start] = lane;
  if (head) {
    db_.Send("raise_lane", {entity_type, host, auto_start, *head});
  } else {
    db_.Send("drop_lane", {entity_type, host, auto_start});
  }
}

void ClaimSearch::Settle() {
  for (const auto& [lane, head] : heads_) Mend(lane, head);
  heads_.clear();
}

// Jobs of one millisecond go in the order of their rows, so the first job of every lane read is
// looked at. Full hosts are passed over and do not count: there are no more of them than slots.
// True when a lane was not as it said.
bool ClaimSearch::Load(Window& window, const std::string& entity_type, bool auto_start) {
  int read = 0;
  bool mended = false;
  Rows rows = db_.Query("lanes_of_type", {entity_type, auto_start, LanesWanted()});
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
      Mend({entity_type, lane.host, auto_start},
           has_jobs ? std::optional(lane.head) : std::nullopt);
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

bool ClaimSearch::IsPaused(const std::string& entity_type) const {
  return paused_.contains("") || paused_.contains(entity_type);
}

// Beyond the window, as many as are passed over at most.
std::int64_t ClaimSearch::LanesWanted() const {
  std::size_t full = limits_.per_host > 0 ? by_host_.size() : 0;
  return static_cast<std::int64_t>(kLanesRead + 1 + full + passed_over_.size());
}

// The lanes of all types that were not read yet are asked for at once.
void ClaimSearch::Expect() {
  for (const std::string& type : types_) {
    if (windows_.contains(type) || IsPaused(type) || TypeReached(type)) continue;
    db_.Expect("lanes_of_type", {type, true, LanesWanted()});
    if (!only_started_before_) db_.Expect("lanes_of_type", {type, false, LanesWanted()});
  }
}

const ClaimSearch::Lane* ClaimSearch::BestOf(const std::string& entity_type, bool may_read) {
  auto known = windows_.find(entity_type);
  bool unknown = known == windows_.end();
  if (unknown && !may_read) {
    must_read_ = true;
    return nullptr;
  }
  Window& window = unknown ? windows_[entity_type] : known->second;
  auto full = [&](const Lane& lane) { return HostReached(lane.host); };
  while (!window.lanes.empty() && full(*window.lanes.begin())) {
    met_limit_ = true;
    window.lanes.erase(window.lanes.begin());
  }
  if (unknown || OthersMayComeFirst(window)) {
    must_read_ = !may_read;
    if (must_read_) return nullptr;
    for (int round = 0; round < kRounds; ++round) {
      window = {{}, std::numeric_limits<std::int64_t>::max()};
      bool mended = Load(window, entity_type, true);
      if (!only_started_before_) mended |= Load(window, entity_type, false);
      if (!mended || !OthersMayComeFirst(window)) break;
    }
  }
  return window.lanes.empty() ? nullptr : &*window.lanes.begin();
}

// The lane whose first job is to start next.
const ClaimSearch::Lane* ClaimSearch::Next(bool may_read) {
  const Lane* best = nullptr;
  if (may_read) Expect();
  for (const std::string& type : types_) {
    bool paused = IsPaused(type);
    if (paused || TypeReached(type)) {
      if (!may_read || !barred_.insert(type).second) continue;
      Rows rows = db_.Query("has_lane", {type, only_started_before_});
      if (rows.Next()) (paused ? met_pause_ : met_limit_) = true;
      continue;
    }
    const Lane* lane = BestOf(type, may_read);
    if (must_read_) return nullptr;
    if (lane && (!best || Sooner{}(*lane, *best))) best = lane;
  }
  return best;
}

void ClaimSearch::Take(const Lane& lane, int wanted) {
  ++slots_used_;
  ++by_type_[lane.entity_type];
  ++by_host_[lane.host];
  auto& lanes = windows_[lane.entity_type].lanes;
  Lane next = std::move(lanes.extract(lanes.find(lane)).value());
  bool has_jobs = Advance(next, wanted);
  if (db_.LanesAreHints())
    heads_[{next.entity_type, next.host, next.auto_start}] =
        has_jobs ? std::optional(next.head) : std::nullopt;
  if (has_jobs) lanes.insert(std::move(next));
}

std::vector<ClaimSearch::Picked> ClaimSearch::Pick(int most) {
  std::vector<Picked> picked;
  while (static_cast<int>(picked.size()) < most && !TotalReached()) {
    must_read_ = false;
    // What is picked is not started yet: to the database it still waits.
    const Lane* lane = Next(picked.empty());
    if (!lane) break;
    if (lane->first != 0) {
      picked.push_back({lane->first, lane->entity_type, lane->host, lane->auto_start});
      Take(*lane, most - static_cast<int>(picked.size()));
      continue;
    }
    // Someone edited the lanes themselves: mend and go on.
    if (!picked.empty()) break;
    std::string type = lane->entity_type;
    db_.Send("drop_lane", {type, lane->host, lane->auto_start});
    windows_.erase(type);
  }
  return picked;
}

void ClaimSearch::Missed(const Picked& job) {
  --slots_used_;
  --by_type_[job.entity_type];
  --by_host_[job.host];
  LaneKey key{job.entity_type, job.host, job.auto_start};
  heads_.erase(key);  // it still begins with that one
  passed_over_.insert(std::move(key));
  auto& lanes = windows_[job.entity_type].lanes;
  std::erase_if(lanes, [&](const Lane& lane) {
    return lane.host == job.host && lane.auto_start == job.auto_start;
  });
}

ClaimBlock ClaimSearch::Why(std::int64_t total_pending) const {
  if (total_pending == 0) return ClaimBlock::kNothingPending;
  if (met_limit_) return ClaimBlock::kOtherLimits;
  if (met_pause_) return ClaimBlock::kPaused;
  return ClaimBlock::kNothingDue;
}

}  // namespace forager::store
