// The history: what transitions count, how it is written, read and pruned.
#include <algorithm>

#include "store/history.h"
#include "store/sql_store.h"

namespace forager::store {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

// Each range has rows of its own step, so that none reads more than some 120 moments.
struct Shape {
  seconds step;
  int count;
  hours kept;
};
constexpr Shape kShapes[] = {{seconds(60), 60, hours(2)},
                             {seconds(900), 96, hours(26)},
                             {seconds(21'600), 120, hours(31 * 24)}};
constexpr std::size_t kTypesKnown = 200;  // told apart by one writer
constexpr std::size_t kRowsKnown = 2'000;

WallTime Floor(WallTime time, seconds step) {
  auto since = time.time_since_epoch();
  return WallTime(since - since % step);
}

}  // namespace

void HistorySums::Add(const HistorySums& other) {
  for (std::size_t i = 0; i < events.size(); ++i) events[i] += other.events[i];
  run_times.Add(other.run_times);
  waits.Add(other.waits);
}

HistorySums& HistoryTally::At(const std::string& entity_type, WallTime now) {
  return minutes_[{Floor(now, kShapes[0].step), entity_type}];
}

void HistoryTally::Add(const HistoryTally& other) {
  for (const auto& [key, sums] : other.minutes_) minutes_[key].Add(sums);
}

// "" stands for those beyond the bound.
const std::string& HistoryWriter::Known(const std::string& entity_type) {
  static const std::string other;
  if (types_.contains(entity_type)) return entity_type;
  if (types_.size() >= kTypesKnown) return other;
  types_.insert(entity_type);
  return entity_type;
}

void HistoryWriter::Write(Database& database, const HistoryTally& tally) {
  std::map<Key, HistorySums> rows;
  for (const auto& [key, sums] : tally.minutes()) {
    for (const Shape& shape : kShapes)
      rows[{shape.step, Floor(key.first, shape.step), Known(key.second)}].Add(sums);
  }
  if (written_.size() > kRowsKnown) written_.clear();
  for (auto& [key, sums] : rows) {
    using enum HistoryEvent;
    const auto& [step, began_at, entity_type] = key;
    const std::initializer_list<Param> counts = {
        step.count(),    began_at,      entity_type,       shard_,         sums[kSubmitted],
        sums[kCompleted], sums[kFailed], sums[kCancelled], sums[kRetried], sums[kReset]};
    bool timed = !sums.run_times.empty() || !sums.waits.empty();
    auto known = written_.find(key);
    if (!timed || known != written_.end()) {
      database.Send("add_history", counts);
    } else {
      Rows kept = database.Query("add_history", counts);
      known = written_.try_emplace(key).first;
      if (kept.Next()) {
        known->second.run_times = Histogram::Parse(kept.View(0));
        known->second.waits = Histogram::Parse(kept.View(1));
      }
    }
    if (!timed) continue;
    HistorySums& times = known->second;
    times.run_times.Add(sums.run_times);
    times.waits.Add(sums.waits);
    database.Send("set_history_times", {step.count(), began_at, entity_type, shard_,
                                        times.run_times.Text(), times.waits.Text()});
  }
}

void SqlStore::Count(HistoryEvent event, const std::string& entity_type, WallTime now) {
  ++committed_.history.At(entity_type, now)[event];
}

void SqlStore::CountById(HistoryEvent event, const std::string& job_id, WallTime now) {
  Rows rows = db_.Query("job_entity_type", {job_id});
  if (rows.Next()) Count(event, rows.Text(0), now);
}

Result<HistoryAnswer> SqlStore::History(HistoryRange range,
                                        const std::optional<std::string>& entity_type,
                                        WallTime now) {
  return Guard([&]() -> Result<HistoryAnswer> {
    const Shape& shape = kShapes[static_cast<std::size_t>(range)];
    HistoryAnswer answer;
    answer.bucket = shape.step;
    answer.to = Floor(now, shape.step) + shape.step;
    answer.from = answer.to - shape.count * shape.step;
    for (int i = 0; i < shape.count; ++i)
      answer.buckets.push_back({answer.from + i * shape.step, {}});
    Rows rows = db_.Query("history", {shape.step.count(), answer.from, answer.to, entity_type});
    while (rows.Next()) {
      auto at = rows.MaybeTime(0);
      if (!at || *at < answer.from || *at >= answer.to) continue;
      HistorySums sums;
      for (int i = 0; i < 6; ++i) sums.events[static_cast<std::size_t>(i)] = rows.Int(i + 1);
      sums.run_times = Histogram::Parse(rows.View(7));
      sums.waits = Histogram::Parse(rows.View(8));
      auto bucket = static_cast<std::size_t>((*at - answer.from) / shape.step);
      answer.buckets[bucket].sums.Add(sums);
    }
    return answer;
  });
}

Result<int> SqlStore::PruneHistory(WallTime now, int limit) {
  return Guard([&]() -> Result<int> {
    std::int64_t gone = 0;
    for (const Shape& shape : kShapes)
      gone += db_.Execute("prune_history", {shape.step.count(), now - shape.kept, limit});
    return static_cast<int>(std::min<std::int64_t>(limit, gone));
  });
}

}  // namespace forager::store
