// The search for the next job under the limits, for one call of SqlStore::Claim: slots are counted
// once, then kept in memory while jobs are taken. Cost: types with pending jobs, and full hosts;
// never jobs.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>

#include "store/database.h"
#include "store/store.h"

namespace forager::store {

class ClaimSearch {
 public:
  ClaimSearch(Database& database, const ClaimRequest& request);

  struct Lane {
    std::string entity_type;
    std::string host;
    bool auto_start = false;
    std::int64_t head = 0;
    std::int64_t first = 0;  // row id of its first job; 0: there is none
  };

  int slots_used() const { return slots_used_; }
  bool TotalReached() const { return slots_used_ >= limits_.total; }
  bool TypeReached(const std::string& entity_type) const;
  bool HostReached(const std::string& host) const;

  // The lane whose first job is to start next.
  std::optional<Lane> Next();
  // The first job of that lane was started.
  void Took(const Lane& lane);
  // Its first job cannot be started now; nothing of this lane is, this time.
  void PassOver(const Lane& lane);
  // The lanes of this type are not as they were read.
  void Forget(const std::string& entity_type) { windows_.erase(entity_type); }
  // Why Next found nothing.
  ClaimBlock Why(std::int64_t total_pending) const;

 private:
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
  bool ReadFirst(Lane& lane);
  void Mend(const Lane& lane, bool has_jobs);
  bool OthersMayComeFirst(const Window& window) const;
  bool Load(Window& window, const std::string& entity_type, bool auto_start);
  std::optional<Lane> BestOf(const std::string& entity_type);

  Database& db_;
  const ClaimLimits& limits_;
  bool only_started_before_;
  int slots_used_ = 0;
  std::map<std::string, int> by_type_;
  std::map<std::string, int> by_host_;
  std::set<std::string> paused_;
  std::set<std::string> types_;            // with pending jobs
  std::map<std::string, Window> windows_;  // per type
  std::set<std::tuple<std::string, std::string, bool>> passed_over_;
  bool met_pause_ = false;
  bool met_limit_ = false;
};

}  // namespace forager::store
