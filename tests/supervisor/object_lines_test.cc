#include "supervisor/object_lines.h"

#include <gtest/gtest.h>

namespace forager::supervisor {
namespace {

using Took = ObjectLines::Took;

TEST(ObjectLines, AnObjectOverSeveralLinesIsOneText) {
  ObjectLines lines;
  EXPECT_EQ(lines.Add("plain"), Took::kNot);
  EXPECT_EQ(lines.Add("{\r"), Took::kHeld);
  EXPECT_EQ(lines.Add("  \"type\": \"heartbeat\""), Took::kHeld);
  EXPECT_EQ(lines.Add("}"), Took::kWhole);
  EXPECT_TRUE(ParseEvent(lines.Take()).event);
  EXPECT_EQ(lines.Add("}"), Took::kNot);
}

TEST(ObjectLines, WhatIsNoneIsGivenBack) {
  ObjectLines lines;
  lines.Add("{");
  lines.Add("  words");
  EXPECT_EQ(lines.Add("not indented"), Took::kBroken);
  EXPECT_EQ(lines.Take(), "{\n  words");
  lines.Add("{");
  std::string line(100'000, ' ');
  int held = 0;
  while (lines.Add(line) == Took::kHeld) ++held;
  EXPECT_EQ(held, 10);
}

}  // namespace
}  // namespace forager::supervisor
