#include "scheduler/politeness.h"

#include <sqlite3.h>

#include "engine_fixture.h"

namespace forager::scheduler {
namespace {

class PolitenessTest : public EngineTest {
 protected:
  // An attempt that lives; its number tells it from others.
  AttemptRef Alive(int number) {
    supervisor::AttemptSpec spec;
    spec.ref = {"JOB-1-AAAAAAAAAA", number};
    supervisor_.Start(spec);
    return spec.ref;
  }
  void Ask(const AttemptRef& ref, const std::string& host, Millis left = Millis{3'600'000},
           bool first = true) {
    politeness_.Ask(ref, {{ref.attempt, host, Millis{0}}, clock_.SteadyNow() + left, first});
  }
  const TurnAnswer& AnswerTo(const AttemptRef& ref) {
    auto is_its = [&](const auto& answer) { return answer.first == ref; };
    Until([&] { return std::ranges::any_of(supervisor_.answers, is_its); });
    return std::ranges::find_if(supervisor_.answers, is_its)->second;
  }

  Politeness politeness_{*loop_, clock_, *calls_, supervisor_, Millis{1'000}};
};

TEST_F(PolitenessTest, AttemptsThatAskTogetherGetTurnsInTheirOrder) {
  std::vector<AttemptRef> refs;
  for (int i = 1; i <= 5; ++i) refs.push_back(Alive(i));
  for (const AttemptRef& ref : refs) Ask(ref, "a.example");
  for (int i = 0; i < 5; ++i) {
    TurnAnswer answer = AnswerTo(refs[static_cast<std::size_t>(i)]);
    EXPECT_EQ(answer.id, i + 1);
    EXPECT_TRUE(answer.granted);
    EXPECT_EQ(answer.wait, Millis{1'000 * i});
  }
  EXPECT_EQ(supervisor_.answers.size(), 5u);
}

TEST_F(PolitenessTest, SaysWhatAnAttemptWaitsForUntilItsTurn) {
  AttemptRef first = Alive(1), second = Alive(2);
  Ask(first, "a.example");
  Ask(second, "a.example");
  AnswerTo(second);
  EXPECT_FALSE(politeness_.WaitingOf(first, clock_.SteadyNow()));
  auto waiting = politeness_.WaitingOf(second, clock_.SteadyNow());
  ASSERT_TRUE(waiting);
  EXPECT_EQ(waiting->host, "a.example");
  EXPECT_EQ(waiting->interval, Millis{1'000});
  clock_.Advance(Millis{1'000});
  EXPECT_FALSE(politeness_.WaitingOf(second, clock_.SteadyNow()));
}

TEST_F(PolitenessTest, WhoWouldWaitTooLongIsToldToComeBack) {
  AttemptRef first = Alive(1), second = Alive(2), third = Alive(3);
  politeness_.SetHostInterval(Millis{60'000});
  Ask(first, "a.example");
  Ask(second, "a.example", Millis{30'000});
  Ask(third, "a.example");
  EXPECT_FALSE(AnswerTo(second).granted) << "its deadline comes before its turn";
  EXPECT_EQ(AnswerTo(second).wait, Millis{60'000});
  EXPECT_EQ(AnswerTo(third).wait, Millis{60'000}) << "the turn was not taken from others";
  for (int i = 4; i <= 9; ++i) Ask(Alive(i), "a.example");
  EXPECT_TRUE(AnswerTo({first.job_id, 7}).granted);
  EXPECT_EQ(AnswerTo({first.job_id, 7}).wait, Millis{300'000});
  EXPECT_FALSE(AnswerTo({first.job_id, 8}).granted) << "longer than five minutes";
  Ask(Alive(10), "a.example", Millis{3'600'000}, false);
  EXPECT_TRUE(AnswerTo({first.job_id, 10}).granted) << "it has begun";
  EXPECT_EQ(AnswerTo({first.job_id, 10}).wait, Millis{360'000});
}

TEST_F(PolitenessTest, AsksAgainWhileTheStoreIsAway) {
  sqlite3* shell = nullptr;
  ASSERT_EQ(sqlite3_open((dir_ + "/forager.db").c_str(), &shell), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(shell, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  AttemptRef gone = Alive(1), late = Alive(2), patient = Alive(3);
  Ask(gone, "a.example");
  Ask(late, "a.example", Millis{5'000});
  Ask(patient, "a.example");
  bool failed = false;
  auto end = loop_->After(Millis{700}, [&] {  // its busy timeout is 400 ms
    failed = true;
    supervisor_.Gone(gone);
    clock_.Advance(Millis{5'000});
    sqlite3_exec(shell, "ROLLBACK", nullptr, nullptr, nullptr);
  });
  EXPECT_TRUE(AnswerTo(patient).granted);
  EXPECT_TRUE(failed);
  EXPECT_EQ(supervisor_.answers.size(), 1u) << "attempts that are over are not answered";
  EXPECT_EQ(AnswerTo(patient).wait, Millis{0}) << "and take no turns";
  sqlite3_close(shell);
}

}  // namespace
}  // namespace forager::scheduler
