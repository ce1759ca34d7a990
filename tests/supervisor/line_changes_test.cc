#include "supervisor/line_changes.h"

#include <gtest/gtest.h>

namespace forager::supervisor {
namespace {

// 2026-11-27 15:41:03.345 UTC
const os::Wall kNow{std::chrono::milliseconds(1'795'794'063'345)};

bool Differ(const std::string& first, const std::string& second) {
  LineChanges changes;
  EXPECT_TRUE(changes.Add(first + "\n", kNow)) << "the first line is new";
  return changes.Add(second + "\n", kNow);
}

TEST(LineChanges, ALineLikeTheOneBeforeSaysNothing) {
  EXPECT_TRUE(Differ("page 1", "page 2"));
  EXPECT_FALSE(Differ("waiting", "waiting"));
  EXPECT_TRUE(Differ("waiting", "waiting."));
}

TEST(LineChanges, TheTimeOfDayIsNoNews) {
  for (auto [first, second] : {
           std::pair("2026-11-27 15:41:03 [scrapy.extensions.logstats] INFO: Crawled 0 pages",
                     "2026-11-27 15:42:03 [scrapy.extensions.logstats] INFO: Crawled 0 pages"),
           {"2026-11-27T15:41:03.123Z waiting", "2026-11-28T00:01:09.5Z waiting"},
           {"Fri Nov 27 15:41:03 UTC 2026 waiting", "Fri Nov 27 15:43:03 UTC 2026 waiting"},
           {"15:41:03,123 INFO waiting", "9:41:04,555 INFO waiting"},
           {"[15:41] waiting", "[15:42] waiting"},
           {"1795794063.345 waiting", "1795794123.9 waiting"},
           {R"({"time":1795794063345,"msg":"waiting"})",
            R"({"time":1795794999999,"msg":"waiting"})"},
           {"20261127T154103Z waiting", "20261127T154203Z waiting"},
           {"20261127154103 waiting", "20261127154203 waiting"},
           {"waiting, 0:05:03 elapsed", "waiting, 0:05:04 elapsed"},
       })
    EXPECT_FALSE(Differ(first, second)) << first << "\n" << second;
}

TEST(LineChanges, OtherNumbersAreNews) {
  for (auto [first, second] : {
           std::pair("2026-11-27 15:41:03 Crawled 10 pages",
                     "2026-11-27 15:42:03 Crawled 11 pages"),
           {"item 1234567890", "item 1234567891"},  // ten digits, and not the present
           {"item 1795794063345678901234", "item 1795794063345678901235"},
           {"host:8080", "host:8081"},
           {"12.5 s", "12.6 s"},
           {"3:161", "3:162"},
           {"99:99", "99:98"},
           {"7", "8"},
       })
    EXPECT_TRUE(Differ(first, second)) << first << "\n" << second;
}

TEST(LineChanges, LinesComeInPieces) {
  LineChanges changes;
  EXPECT_FALSE(changes.Add("pag", kNow));
  EXPECT_TRUE(changes.Add("e 1\npage", kNow));
  EXPECT_FALSE(changes.Add(" 1\n\n\n", kNow)) << "the same, and empty lines are none";
  EXPECT_TRUE(changes.Add("page 1\npage 2\npage 2\n", kNow));
}

TEST(LineChanges, ABarThatMovesIsNews) {
  LineChanges changes;
  EXPECT_TRUE(changes.Add(" 10%|#   |\r", kNow));
  EXPECT_FALSE(changes.Add(" 10%|#   |\r", kNow));
  EXPECT_TRUE(changes.Add(" 11%|#   |\r", kNow));
}

TEST(LineChanges, AnEndlessLineIsKeptShortAndComparedWithItsLength) {
  LineChanges changes;
  std::string lot(1 << 20, 'x');
  EXPECT_TRUE(changes.Add(lot + "\n", kNow));
  EXPECT_FALSE(changes.Add(lot + "\n", kNow));
  EXPECT_TRUE(changes.Add(lot + "x\n", kNow));
}

}  // namespace
}  // namespace forager::supervisor
