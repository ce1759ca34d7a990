#include "supervisor/output_tail.h"

#include <gtest/gtest.h>

namespace forager::supervisor {
namespace {

using std::chrono::milliseconds;

std::vector<std::string> Lines(std::vector<std::string> parts) {
  LineReader reader;
  std::vector<std::string> lines;
  auto sink = [&](std::string_view line) { lines.emplace_back(line); };
  for (const std::string& part : parts) reader.Add(part, sink);
  reader.Finish(sink);
  return lines;
}

TEST(LineReader, JoinsWhatArrivesInParts) {
  EXPECT_EQ(Lines({"one\ntw", "o\n", "", "thr", "ee"}),
            (std::vector<std::string>{"one", "two", "three"}));
  EXPECT_EQ(Lines({"\n\n"}), std::vector<std::string>{});
}

TEST(LineReader, CutsLongLinesOfOutputButNotEvents) {
  std::string line(kMaxLogLine + 5, 'x');
  auto output = Lines(std::vector<std::string>(1, line));
  ASSERT_EQ(output.size(), 2u);
  EXPECT_EQ(output[0].size(), kMaxLogLine);
  EXPECT_EQ(output[1].size(), 5u);
  line.front() = '{';
  EXPECT_EQ(Lines(std::vector<std::string>(1, line)).size(), 1u);
}

TEST(LineReader, KeepsNoMoreThanALineWithoutEnd) {
  LineReader reader;
  std::size_t longest = 0, total = 0;
  auto sink = [&](std::string_view line) {
    longest = std::max(longest, line.size());
    total += line.size();
  };
  std::string part(64 * 1024, '{');
  for (int i = 0; i < 64; ++i) reader.Add(part, sink);
  reader.Finish(sink);
  EXPECT_EQ(total, 64 * part.size());
  EXPECT_LE(longest, kMaxEventLine);
}

LogEvent Line(std::string text) {
  LogEvent line;
  line.message = std::move(text);
  return line;
}

std::string Text(const Event& event) { return std::get<LogEvent>(event).message; }

TEST(OutputTail, GivesLinesInOrder) {
  OutputTail tail;
  tail.Add(Line("a"));
  tail.Add(Line("b"));
  auto taken = tail.Take(os::Steady(milliseconds(5000)), false);
  ASSERT_EQ(taken.size(), 2u);
  EXPECT_EQ(Text(taken[0]), "a");
  EXPECT_TRUE(tail.empty());
}

TEST(OutputTail, KeepsTheLastPartOfAFloodAndCountsTheRest) {
  OutputTail tail(10'000);
  for (int i = 0; i < 1000; ++i) tail.Add(Line(std::string(100, 'a' + i % 26)));
  auto taken = tail.Take(os::Steady(milliseconds(5000)), false);
  EXPECT_LT(taken.size(), 50u);
  EXPECT_EQ(Text(taken[0]),
            "dropped " + std::to_string(101 * (1000 - (taken.size() - 1))) + " bytes of output");
  EXPECT_EQ(Text(taken.back()), std::string(100, 'a' + 999 % 26));
}

TEST(OutputTail, LetsOnlySoMuchThroughInASecondButAllAtTheEnd) {
  OutputTail tail(1000);
  os::Steady now(milliseconds(5000));
  tail.Add(Line(std::string(990, 'x')));
  EXPECT_EQ(tail.Take(now, false).size(), 1u);
  tail.Add(Line("late"));
  EXPECT_EQ(tail.Take(now + milliseconds(500), false).size(), 0u);
  EXPECT_FALSE(tail.empty());
  EXPECT_EQ(tail.Take(now + milliseconds(1000), false).size(), 1u);
  tail.Add(Line(std::string(990, 'x')));
  tail.Take(now + milliseconds(1100), false);
  tail.Add(Line("last"));
  EXPECT_EQ(tail.Take(now + milliseconds(1200), true).size(), 1u);
}

}  // namespace
}  // namespace forager::supervisor
