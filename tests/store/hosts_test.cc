// Turns at web hosts: one budget, whoever asks.
#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <thread>

#include "job/turn.h"
#include "tests/store/store_fixture.h"

namespace forager::store {
namespace {

constexpr Millis kGap{1'000};

class Hosts : public StoreTest {
 protected:
  static TurnWish Wish(const std::string& host, Millis interval = Millis{0},
                       Millis longest = kLongestTurnWait) {
    return {host, interval, longest};
  }
  std::vector<Turn> Take(const std::vector<TurnWish>& wishes, Millis gap = kGap) {
    return *Do([&](Store& s) { return s.ReserveTurns(wishes, gap, now_); });
  }
  // PostgreSQL's own clock went on a little.
  void ExpectWait(const Turn& turn, Millis wait) {
    EXPECT_TRUE(turn.granted);
    EXPECT_LE(turn.wait, wait);
    EXPECT_GT(turn.wait, wait - (OnSqlite() ? Millis{1} : Millis{900}));
  }
};
FORAGER_ON_BOTH_DRIVERS(Hosts);

TEST_P(Hosts, TurnsOfOneHostAreOneGapApartAndHostsDoNotWaitForEachOther) {
  auto turns = Take({Wish("a.example"), Wish("b.example"), Wish("a.example"), Wish("a.example")});
  EXPECT_EQ(turns[0].wait, Millis{0});
  EXPECT_EQ(turns[1].wait, Millis{0});
  EXPECT_EQ(turns[2].wait, kGap);
  EXPECT_EQ(turns[3].wait, 2 * kGap);
  EXPECT_EQ(turns[3].interval, kGap);
  ExpectWait(Take({Wish("a.example")})[0], 3 * kGap);
}

TEST_P(Hosts, TheBudgetOutlivesTheServer) {
  Take({Wish("a.example"), Wish("a.example")}, Millis{20'000});
  service_.reset();
  OpenStore();
  auto turn = Take({Wish("a.example")}, Millis{20'000})[0];
  EXPECT_GT(turn.wait, Millis{30'000});
  EXPECT_LE(turn.wait, Millis{40'000});
}

TEST_P(Hosts, WhatAHostNeedsIsRememberedUntilSomebodyKnowsBetter) {
  ExpectWait(Take({Wish("a.example", Millis{5'000})})[0], Millis{0});
  ExpectWait(Take({Wish("a.example")})[0], Millis{5'000});
  ExpectWait(Take({Wish("a.example", Millis{10})})[0], Millis{6'000});
  EXPECT_EQ(Take({Wish("a.example")})[0].interval, kGap) << "never below the setting";
}

TEST_P(Hosts, WithoutASettingOnlyTheHostsOwnWishCounts) {
  auto turns =
      Take({Wish("a.example"), Wish("a.example"), Wish("a.example", Millis{700})}, Millis{0});
  EXPECT_EQ(turns[1].wait, Millis{0});
  EXPECT_EQ(turns[2].wait, Millis{700});
}

TEST_P(Hosts, ATurnThatComesTooLateIsNotReserved) {
  auto turns =
      Take({Wish("a.example"), Wish("a.example", Millis{0}, Millis{500}), Wish("a.example")});
  EXPECT_FALSE(turns[1].granted);
  EXPECT_EQ(turns[1].wait, kGap) << "when it is worth asking again";
  EXPECT_TRUE(turns[2].granted);
  EXPECT_EQ(turns[2].wait, kGap);
}

TEST_P(Hosts, AClockThatWasSetBackHoldsNobodyUp) {
  Take({Wish("a.example")});
  Shell shell(options_);
  shell.Run(OnSqlite() ? "UPDATE collection_hosts SET last_turn_at = '2099-01-01 00:00:00.000'"
                       : "UPDATE collection_hosts SET last_turn_at = '2099-01-01'");
  EXPECT_EQ(Take({Wish("a.example")})[0].wait, kGap);
}

TEST_P(Hosts, OldRowsArePruned) {
  Take({Wish("a.example")});
  WallTime last = *ParseRfc3339("2099-01-01T00:00:00Z");
  EXPECT_EQ(*Do([&](Store& s) { return s.PruneHosts(WallTime{}, 10); }), 0);
  EXPECT_EQ(*Do([&](Store& s) { return s.PruneHosts(last, 10); }), 1);
  EXPECT_EQ(Take({Wish("a.example")})[0].wait, Millis{0});
}

// Each thread is a server of its own where the database can have several.
TEST_P(Hosts, ManyWhoAskAtOnceNeverGetOneTurnTwice) {
  constexpr int kServers = 8, kTimes = 20;
  std::mutex mutex;
  std::map<std::string, std::vector<WallTime>> turns;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kServers; ++i) {
      threads.emplace_back([&, i] {
        std::unique_ptr<StoreService> own;
        if (!OnSqlite()) {
          StoreOptions options = options_;
          options.node = "node-" + std::to_string(i);
          own = StoreService::Open(options).value();
          own->OnCommit([](const Committed&) {});
        }
        StoreService& service = own ? *own : *service_;
        for (int time = 0; time < kTimes; ++time) {
          std::vector<Turn> got;
          // Asked in both orders of hosts: they must not wait for each other for ever.
          std::vector<TurnWish> wishes{Wish("a.example"), Wish("b.example")};
          if (i % 2 == 1) std::swap(wishes[0], wishes[1]);
          auto done = service.WriteAndWait([&](Store& s) -> Result<void> {
            auto reserved = s.ReserveTurns(wishes, Millis{100}, now_);
            if (!reserved) return std::unexpected(reserved.error());
            got = *reserved;
            return {};
          });
          ASSERT_TRUE(done) << done.error().detail;
          std::lock_guard lock(mutex);
          for (std::size_t k = 0; k < got.size(); ++k) {
            EXPECT_TRUE(got[k].granted);
            turns[wishes[k].host].push_back(got[k].at);
          }
        }
      });
    }
  }
  for (auto& [host, at] : turns) {
    ASSERT_EQ(at.size(), kServers * kTimes) << host;
    std::ranges::sort(at);
    for (std::size_t i = 1; i < at.size(); ++i) EXPECT_GE(at[i] - at[i - 1], Millis{100}) << host;
  }
}

}  // namespace
}  // namespace forager::store
