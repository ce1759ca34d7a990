// Turns at web hosts: how often requests go to one host, whoever sends them.
#include <algorithm>

#include "job/turn.h"
#include "store/rows.h"
#include "store/sql_store.h"

namespace forager::store {
namespace {

// Leases are renewed on the same connection: a host that somebody holds must not hold them up.
constexpr Millis kLockWait{500};

}  // namespace

Result<std::vector<Turn>> SqlStore::ReserveTurns(std::span<const TurnWish> wishes,
                                                 Millis host_interval, WallTime now) {
  return Guard([&]() -> Result<std::vector<Turn>> {
    // Every server takes hosts in one order: none waits for one that waits for it.
    std::map<std::string_view, std::vector<std::size_t>> by_host;
    for (std::size_t i = 0; i < wishes.size(); ++i) by_host[wishes[i].host].push_back(i);
    { Rows limited = db_.Query("limit_lock_wait", {std::to_string(kLockWait.count())}); }
    for (const auto& [host, places] : by_host) db_.Expect("hold_host", {host, WallTime{}});
    const WallTime at = db_.LeaseClock(now);
    std::vector<Turn> turns(wishes.size());
    for (const auto& [host, places] : by_host) {
      WallTime last;
      Millis interval{};
      {
        Rows rows = db_.Query("hold_host", {host, WallTime{}});
        rows.Next();
        last = rows.MaybeTime(0).value_or(WallTime{});
        interval = Millis{rows.Int(1)};
        rows.Next();
      }
      // No turn was ever given so far ahead: the clock was set back.
      if (last > at + kLongestTurnWait) last = at;
      for (std::size_t i : places) {
        if (wishes[i].interval > Millis{0}) interval = wishes[i].interval;
        const Millis gap = std::max(host_interval, interval);
        const WallTime turn = std::max(at, last + gap);
        turns[i] = {turn - at <= wishes[i].longest, turn - at, gap, turn};
        if (turns[i].granted) last = turn;
      }
      db_.Send("set_host_turn", {host, last, interval.count()});
    }
    return turns;
  });
}

Result<int> SqlStore::PruneHosts(WallTime last_turn_before, int limit) {
  return Guard([&]() -> Result<int> {
    return static_cast<int>(db_.Execute("prune_hosts", {last_turn_before, limit}));
  });
}

}  // namespace forager::store
