#include "supervisor/output_tail.h"

#include <gtest/gtest.h>

namespace forager::supervisor {
namespace {

using std::chrono::milliseconds;

std::vector<std::string> Lines(std::vector<std::string> parts) {
  LineReader reader;
  std::vector<std::string> lines;
  auto sink = [&](const OutputLine& line) { lines.emplace_back(line.text); };
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
  EXPECT_EQ(Lines(std::vector<std::string>(1, "\xEF\xBB\xBF " + line)).size(), 1u);
}

TEST(LineReader, CutsBetweenCharacters) {
  std::string line;
  while (line.size() < 3 * kMaxLogLine) line += "\xE5\x90\x8D";
  for (std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{50'000}}) {
    std::vector<std::string> parts;
    for (std::size_t at = 0; at < line.size(); at += step) parts.push_back(line.substr(at, step));
    std::string joined;
    for (const std::string& piece : Lines(parts)) {
      EXPECT_EQ(piece.size() % 3, 0u) << step;
      EXPECT_LE(piece.size(), kMaxLogLine);
      joined += piece;
    }
    EXPECT_EQ(joined, line);
  }
}

TEST(LineReader, KeepsNoMoreThanALineWithoutEnd) {
  LineReader reader;
  std::vector<std::size_t> seen;
  std::string tail;
  auto sink = [&](const OutputLine& line) {
    seen.insert(seen.end(), {line.text.size(), line.too_long});
    tail = line.tail;
  };
  std::string part(64 * 1024, '{');
  for (int i = 0; i < 64; ++i) reader.Add(part, sink);
  reader.Add("the end\n", sink);
  EXPECT_EQ(seen, (std::vector<std::size_t>{kMaxEventLine, 64 * part.size() + 7}));
  EXPECT_TRUE(tail.ends_with("{the end"));
  EXPECT_LE(tail.size(), 4096u);
}

TEST(LineReader, ACarriageReturnRewritesTheLineUnlessItEndsIt) {
  struct Seen {
    std::string text;
    bool rewritten;
    bool operator==(const Seen&) const = default;
  };
  auto read = [](std::string_view bytes, std::size_t step) {
    LineReader reader;
    std::vector<Seen> seen;
    auto sink = [&](const OutputLine& line) {
      seen.push_back({std::string(line.text), line.rewritten});
    };
    for (std::size_t at = 0; at < bytes.size(); at += step)
      reader.Add(bytes.substr(at, step), sink);
    reader.Finish(sink);
    return seen;
  };
  for (std::size_t step : {std::size_t{1}, std::size_t{3}, std::size_t{1000}}) {
    EXPECT_EQ(read("one\r\ntwo\n", step), (std::vector<Seen>{{"one", false}, {"two", false}}));
    EXPECT_EQ(read("\r 1%\r 2%\r\n", step), (std::vector<Seen>{{" 1%", true}, {" 2%", false}}));
    EXPECT_EQ(read(" 1%\r 2%\r\r\nx", step),
              (std::vector<Seen>{{" 1%", true}, {" 2%", true}, {"", false}, {"x", false}}));
    EXPECT_EQ(read("x.sh: 2: foo\r: not found\n", step),
              (std::vector<Seen>{{"x.sh: 2: foo\r: not found", false}}));
    EXPECT_EQ(read("\r\xE2\xA0\x8B load\r\xE2\xA0\x99 load\n", step),
              (std::vector<Seen>{{"\xE2\xA0\x8B load", true}, {"\xE2\xA0\x99 load", false}}));
    EXPECT_EQ(read(std::string(1000, '\r') + "\n\n\n", step), std::vector<Seen>{});
    auto event = read("{\"a\":\"x\ry\"}\r\n", step);
    ASSERT_EQ(event.size(), 1u);
    EXPECT_TRUE(event[0].text.starts_with("{\"a\":\"x\ry\"}"));
  }
}

HeldLine Line(std::string text) {
  HeldLine line;
  line.log.message = std::move(text);
  return line;
}

TEST(OutputTail, GivesLinesInOrder) {
  OutputTail tail;
  tail.Add(Line("a"));
  tail.Add(Line("b"));
  auto taken = tail.Take(os::Steady(milliseconds(5000)), false);
  ASSERT_EQ(taken.size(), 2u);
  EXPECT_EQ(taken[0].log.message, "a");
  EXPECT_TRUE(tail.empty());
}

TEST(OutputTail, KeepsTheLastPartOfAFloodAndCountsTheRest) {
  for (std::size_t length : {std::size_t{0}, std::size_t{100}}) {
    OutputTail tail(10'000);
    for (int i = 0; i < 1000; ++i) tail.Add(Line(std::string(length, 'a' + i % 26)));
    auto taken = tail.Take(os::Steady(milliseconds(5000)), false);
    EXPECT_LT(taken.size(), 50u);
    EXPECT_GT(taken.size(), 10u);
    auto dropped = tail.TakeDropped();
    EXPECT_EQ(dropped.lines, 1000 - static_cast<std::int64_t>(taken.size()));
    EXPECT_EQ(dropped.bytes, dropped.lines * static_cast<std::int64_t>(length + 1));
    EXPECT_EQ(taken.back().log.message, std::string(length, 'a' + 999 % 26));
    EXPECT_EQ(tail.TakeDropped().lines, 0);
  }
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
