#include "scheduler/log_budget.h"

#include <gtest/gtest.h>

namespace forager::scheduler {
namespace {

// The store's side: what it holds after each write.
struct Shelf {
  LogBudget budget;
  std::vector<LogLine> waiting;
  std::vector<std::string> stored;
  std::int64_t said = 0, bytes = 0;

  void Say(const std::string& text) {
    budget.Add(text.size());
    LogLine line;
    line.message = text;
    waiting.push_back(line);
    ++said;
    bytes += static_cast<std::int64_t>(text.size()) + 1;
  }
  void Write(bool last) {
    auto keep = budget.Trim(waiting, last);
    for (const LogLine& line : waiting) stored.push_back(line.message);
    waiting.clear();
    if (!keep) return;
    ASSERT_GE(static_cast<std::int64_t>(stored.size()), keep->first + keep->last);
    stored.erase(stored.begin() + keep->first, stored.end() - keep->last);
  }
  std::int64_t StoredBytes() const {
    std::int64_t sum = 0;
    for (const std::string& text : stored) sum += static_cast<std::int64_t>(text.size()) + 1;
    return sum;
  }
};

TEST(LogBudget, LittleIsKeptWhole) {
  Shelf shelf;
  for (int i = 0; i < 100; ++i) shelf.Say(std::to_string(i));
  shelf.Write(true);
  EXPECT_EQ(shelf.stored.size(), 100u);
  EXPECT_EQ(shelf.budget.dropped().lines, 0);
}

TEST(LogBudget, OfAFloodTheFirstAndTheNewestRowsAreKeptAndTheRestIsCounted) {
  for (std::size_t length : {std::size_t{1}, std::size_t{200}, std::size_t{16'000}}) {
    for (int each : {1, 300, 20'000}) {
      Shelf shelf;
      int lines = length > 1'000 ? 2'000 : 60'000;
      std::size_t most = 0;
      for (int i = 0; i < lines; ++i) {
        shelf.Say(std::to_string(100'000 + i) + std::string(length, 'x'));
        if (i % each == 0) shelf.Write(false);
        most = std::max(most, shelf.stored.size());
      }
      shelf.Write(true);
      EXPECT_LE(most, 14'500u);
      EXPECT_LE(shelf.stored.size(), 11'200u);
      EXPECT_LE(shelf.StoredBytes(), 1'200'000);
      EXPECT_TRUE(shelf.stored.front().starts_with("100000")) << length;
      EXPECT_TRUE(shelf.stored.back().starts_with(std::to_string(100'000 + lines - 1)));
      EXPECT_EQ(shelf.budget.dropped().lines + static_cast<std::int64_t>(shelf.stored.size()),
                shelf.said)
          << length << " " << each;
      EXPECT_EQ(shelf.budget.dropped().bytes + shelf.StoredBytes(), shelf.bytes);
    }
  }
}

TEST(LogBudget, WhatNeverBecameARowIsCountedToo) {
  LogBudget budget;
  budget.Drop(5, 50);
  budget.Add(3);
  EXPECT_EQ(budget.dropped().lines, 5);
  EXPECT_EQ(budget.dropped().bytes, 50);
}

}  // namespace
}  // namespace forager::scheduler
