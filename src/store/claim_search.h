// The search for the next jobs under the limits, for one call of SqlStore::Claim: slots are counted
// once, then kept in memory while jobs are picked. Cost: types with pending jobs, and full hosts;
// never jobs that wait.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "store/database.h"
#include "store/store.h"

namespace forager::store {

class ClaimSearch {
 public:
  ClaimSearch(Database& database, const ClaimRequest& request);

  struct Picked {
    std::int64_t id;  // its row
    std::string entity_type;
    std::string host;
    bool auto_start;
  };

  int slots_used() const { return slots_used_; }
  std::int64_t total_pending() const { return total_pending_; }
  bool TotalReached() const { return slots_used_ >= limits_.total; }
  bool TypeReached(const std::string& entity_type) const;
  bool HostReached(const std::string& host) const;

  // The jobs to start next, in their order, at most `most`. Fewer when others can be found only
  // once these are started; empty when there is none.
  std::vector<Picked> Pick(int most);
  // That one could not be started; nothing more of its lane is, this time.
  void Missed(const Picked& job);
  // Writes down where the lanes begin now, once everything picked is started.
  void Settle();
  // Why Pick found nothing.
  ClaimBlock Why(std::int64_t total_pending) const;

 private:
  struct Waiting {
    std::int64_t id, key;
  };
  struct Lane {
    std::string entity_type;
    std::string host;
    bool auto_start = false;
    std::int64_t head = 0;
    std::int64_t first = 0;      // row id of its first job; 0: there is none
    std::deque<Waiting> next{};  // the jobs behind the first, as far as they were read
    bool read_all = false;       // there are no others
  };
  struct Sooner {
    bool operator()(const Lane& a, const Lane& b) const {
      return std::tie(a.head, a.first, a.host, a.auto_start) <
             std::tie(b.head, b.first, b.host, b.auto_start);
    }
  };
  // The lanes of a type that come first, and the key from which on there may be others.
  struct Window {
    std::set<Lane, Sooner> lanes;
    std::int64_t complete_below = 0;
  };
  using LaneKey = std::tuple<std::string, std::string, bool>;  // type, host, auto_start

  bool IsPaused(const std::string& entity_type) const;
  void Expect();
  std::int64_t LanesWanted() const;
  bool Advance(Lane& lane, int wanted);
  void Mend(const LaneKey& lane, std::optional<std::int64_t> head);
  bool OthersMayComeFirst(const Window& window) const;
  bool Load(Window& window, const std::string& entity_type, bool auto_start);
  const Lane* BestOf(const std::string& entity_type, bool may_read);
  const Lane* Next(bool may_read);
  void Take(const Lane& lane, int wanted);

  Database& db_;
  const ClaimLimits& limits_;
  bool only_started_before_;
  int slots_used_ = 0;
  std::int64_t total_pending_ = 0;
  std::map<std::string, int> by_type_;
  std::map<std::string, int> by_host_;
  std::set<std::string> paused_;
  std::set<std::string> types_;            // with pending jobs
  std::map<std::string, Window> windows_;  // per type
  std::set<LaneKey> passed_over_;
  std::map<LaneKey, std::optional<std::int64_t>>
      heads_;                     // after what was picked; none: no job left
  std::set<std::string> barred_;  // types whose lanes were looked for all the same
  bool must_read_ = false;        // what Next needs to know is not in the windows
  bool met_pause_ = false;
  bool met_limit_ = false;
};

}  // namespace forager::store
