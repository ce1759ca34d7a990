#include "cli/text.h"

#include <gtest/gtest.h>

namespace forager::cli {
namespace {

using namespace std::chrono_literals;

TEST(TextTest, NothingOfAServerMovesTheCursorOrTurnsTheText) {
  EXPECT_EQ(OneLine("a\x1b[31mred\x07\x08"), "a\\x1b[31mred\\x07\\x08");
  EXPECT_EQ(OneLine("\x1b]0;title\x1b\\"), "\\x1b]0;title\\x1b\\");
  EXPECT_EQ(OneLine("C1 \xc2\x9b"
                    "2J"),
            "C1 \\x9b2J");
  EXPECT_EQ(OneLine("raw C1 \x9b"
                    "2J"),
            "raw C1 \xEF\xBF\xBD"
            "2J");
  EXPECT_EQ(OneLine("\x7f"), "\\x7f");
  EXPECT_EQ(OneLine("a\u202Eb\u2066c\u200Fd\uFEFFe"), "a\\u202eb\\u2066c\\u200fd\\ufeffe");
  EXPECT_EQ(OneLine("one\ntwo\tthree\r\nfour\rfive"), "one two three four\\x0dfive");
  EXPECT_EQ(OneLine(std::string_view("nul\0byte", 8)), "nul\\x00byte");
  EXPECT_EQ(OneLine("\xf0\x9f\x98\x80 \xff\xc3"), "😀 \xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST(TextTest, NoByteStringLeavesAControlCharacter) {
  std::uint32_t state = 7;
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (int i = 0; i < 12; ++i) {
      state = state * 1'664'525 + 1'013'904'223;
      text += static_cast<char>(state >> 24);
    }
    std::string clean = OneLine(text);
    for (std::size_t i = 0; i < clean.size(); ++i) {
      auto byte = static_cast<unsigned char>(clean[i]);
      ASSERT_FALSE(byte < 0x20 || byte == 0x7F) << round;
      bool c1 = byte == 0xC2 && static_cast<unsigned char>(clean[i + 1]) < 0xA0;
      ASSERT_FALSE(c1) << round;
    }
    EXPECT_EQ(OneLine(clean), clean);
    EXPECT_GE(Width(clean), 0);
    EXPECT_LE(Width(Cut(clean, 5)), 5);
    EXPECT_EQ(Width(Pad(clean, 20)), 20);
  }
}

TEST(TextTest, LinesKeepTheirBreaks) { EXPECT_EQ(Lines("a\r\nb\n\tc\x1b"), "a\nb\n    c\\x1b"); }

TEST(TextTest, WidthsAreCells) {
  EXPECT_EQ(Width("héllo"), 5);
  EXPECT_EQ(Width("日本"), 4);
  EXPECT_EQ(Width("e\u0301"), 1);
  EXPECT_EQ(Cut("日本語", 5), "日本…");
  EXPECT_EQ(Cut("日本語", 4), "日…");
  EXPECT_EQ(Cut("hello", 5), "hello");
  EXPECT_EQ(Cut("hello!", 5), "hell…");
  EXPECT_EQ(Cut("hello", 1), "…");
  EXPECT_EQ(Cut("hello", 0), "");
  EXPECT_EQ(Pad("日", 4), "日  ");
  EXPECT_EQ(PadLeft("7", 3), "  7");
}

TEST(TextTest, SpansAreShort) {
  EXPECT_EQ(ShortSpan(-5s), "0s");
  EXPECT_EQ(ShortSpan(119s), "119s");
  EXPECT_EQ(ShortSpan(120s), "2m");
  EXPECT_EQ(ShortSpan(200s), "3m20s");
  EXPECT_EQ(ShortSpan(45min), "45m");
  EXPECT_EQ(ShortSpan(185min), "3h5m");
  EXPECT_EQ(ShortSpan(30h), "30h");
  EXPECT_EQ(ShortSpan(1'000h), "41d");
  EXPECT_EQ(LongSpan(200ms), "0.2 s");
  EXPECT_EQ(LongSpan(10min), "10 min");
  EXPECT_EQ(LongSpan(125min), "2 h 5 min");
}

TEST(TextTest, NumbersAreReadable) {
  EXPECT_EQ(Grouped(0), "0");
  EXPECT_EQ(Grouped(999), "999");
  EXPECT_EQ(Grouped(1'234'567), "1,234,567");
  EXPECT_EQ(Grouped(-1'000), "-1,000");
  EXPECT_EQ(Bytes(0), "0 B");
  EXPECT_EQ(Bytes(1'536), "1.5 KiB");
  EXPECT_EQ(Bytes(1 << 30), "1 GiB");
}

TEST(TextTest, AMistypedWordFindsItsNeighbour) {
  const std::vector<std::string> commands = {"jobs", "stats", "monitor", "dispatch"};
  EXPECT_EQ(Nearest("jbos", commands), "jobs");
  EXPECT_EQ(Nearest("job", commands), "jobs");
  EXPECT_EQ(Nearest("moniter", commands), "monitor");
  EXPECT_EQ(Nearest("disp", commands), "dispatch");
  EXPECT_EQ(Nearest("banana", commands), "");
}

}  // namespace
}  // namespace forager::cli
