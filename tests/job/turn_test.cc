#include "job/turn.h"

#include <gtest/gtest.h>

#include "job/event.h"

namespace forager {
namespace {

TEST(Turn, AnswersAreReadAsTheyWereWritten) {
  for (const TurnAnswer& answer :
       {TurnAnswer{7, true, Millis{0}}, TurnAnswer{1LL << 50, false, Millis{310'000}}}) {
    auto read = ParseTurnAnswer(WriteTurnAnswer(answer));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->id, answer.id);
    EXPECT_EQ(read->granted, answer.granted);
    EXPECT_EQ(read->wait, answer.wait);
  }
}

TEST(Turn, WhatIsNoAnswerIsRefused) {
  for (const char* line :
       {"", "7", "[]", "{}", R"({"type":"turn"})", R"({"type":"turn","id":1})",
        R"({"type":"turn","id":"1","wait_ms":1})", R"({"type":"turn","id":1,"wait_ms":-1})",
        R"({"type":"job","id":1,"wait_ms":1})"}) {
    EXPECT_FALSE(ParseTurnAnswer(line)) << line;
  }
}

TEST(Turn, QuestionsAreReadAsTheyWereWritten) {
  auto event = ParseEvent(WriteEvent(AskTurnEvent{3, "[::1]:8080", Millis{250}})).event;
  ASSERT_TRUE(event);
  const auto& asked = std::get<AskTurnEvent>(*event);
  EXPECT_EQ(asked.id, 3);
  EXPECT_EQ(asked.host, "[::1]:8080");
  EXPECT_EQ(asked.interval, Millis{250});
}

TEST(Turn, AHostIsCheckedAndAnIntervalBounded) {
  auto ask = [](const std::string& host, const std::string& interval = "0") {
    return ParseEvent(R"({"type":"ask_turn","id":1,"host":")" + host + R"(","interval_ms":)" +
                      interval + "}")
        .event;
  };
  EXPECT_TRUE(ask("xn--bcher-kva.example"));
  for (const std::string& host : {std::string(), std::string("Example.com"), std::string("a b"),
                                  std::string("a/b"), std::string("a'b"), std::string(263, 'a')}) {
    EXPECT_FALSE(ask(host)) << host;
  }
  EXPECT_EQ(std::get<AskTurnEvent>(*ask("a", "31000")).interval, kLongestHostInterval);
  EXPECT_EQ(std::get<AskTurnEvent>(*ask("a", "-5")).interval, Millis{0});
  EXPECT_FALSE(ParseEvent(R"({"type":"ask_turn","host":"a"})").event) << "without an id";
}

}  // namespace
}  // namespace forager
