// What happened, by time and entity type: counted by the transitions while a group of writes runs,
// written by the writer in the same transaction, and read for charts. doc/history.md has its terms.
#pragma once

#include <array>
#include <chrono>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "job/histogram.h"

namespace forager::store {

class Database;

enum class HistoryEvent { kSubmitted, kCompleted, kFailed, kCancelled, kRetried, kReset };

struct HistorySums {
  std::array<std::int64_t, 6> events{};  // by HistoryEvent
  Histogram run_times, waits;

  std::int64_t& operator[](HistoryEvent event) { return events[static_cast<std::size_t>(event)]; }
  std::int64_t operator[](HistoryEvent event) const {
    return events[static_cast<std::size_t>(event)];
  }
  void Add(const HistorySums& other);
};

// Of one group of writes: by minute and entity type.
class HistoryTally {
 public:
  HistorySums& At(const std::string& entity_type, WallTime now);
  void Add(const HistoryTally& other);
  const auto& minutes() const { return minutes_; }

 private:
  std::map<std::pair<WallTime, std::string>, HistorySums> minutes_;
};

// Adds tallies to the rows. Each writer has rows of its own (`shard`), so that none waits for
// another's commit.
class HistoryWriter {
 public:
  explicit HistoryWriter(std::string shard) : shard_(std::move(shard)) {}
  void Write(Database& database, const HistoryTally& tally);
  // What was written was not committed.
  void Forget() { written_.clear(); }

 private:
  using Key = std::tuple<std::chrono::seconds, WallTime, std::string>;
  const std::string& Known(const std::string& entity_type);

  const std::string shard_;
  std::set<std::string> types_;
  std::map<Key, HistorySums> written_;  // the times of rows: nobody else writes those of a shard
};

enum class HistoryRange { kHour, kDay, kMonth };

struct HistoryBucket {
  WallTime at;
  HistorySums sums;
};

struct HistoryAnswer {
  std::chrono::seconds bucket{60};
  WallTime from{}, to{};
  std::vector<HistoryBucket> buckets;  // all of them, oldest first
};

}  // namespace forager::store
