#include "job/state.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>

namespace forager {
namespace {

std::string Row(std::optional<State> from, Transition by, std::optional<State> to) {
  return fmt::format("| {} | {} | {} |", from ? Name(*from) : "-", Name(by),
                     to ? Name(*to) : "gone");
}

TEST(StateMachine, IsTheOneInTheDocs) {
  std::ifstream file(FORAGER_SOURCE_DIR "/ARCHITECTURE.md");
  std::set<std::string> documented;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("| from | event | to |")) inside = true;
    if (inside && line.empty()) break;
    if (inside && line.starts_with("| ") && !line.starts_with("| ---") &&
        !line.starts_with("| from"))
      documented.insert(line);
  }
  std::set<std::string> coded;
  for (const TransitionRule& rule : TransitionTable())
    coded.insert(Row(rule.from, rule.by, rule.to));
  EXPECT_EQ(coded, documented);
}

TEST(StateMachine, AllowsNothingOutsideItsTable) {
  int allowed = 0;
  for (State from : kAllStates) {
    for (int by = 0; by <= static_cast<int>(Transition::kDelete); ++by) {
      allowed += Allowed(from, static_cast<Transition>(by)) ? 1 : 0;
    }
  }
  EXPECT_EQ(static_cast<std::size_t>(allowed),
            TransitionTable().size() - 1);  // submit has no state before
  EXPECT_FALSE(Allowed(State::kRunning, Transition::kDelete));
  EXPECT_FALSE(Allowed(State::kCompleted, Transition::kRequeue));
}

TEST(StateMachine, NamesGoThereAndBack) {
  for (State state : kAllStates) EXPECT_EQ(ParseState(Name(state)), state);
  EXPECT_FALSE(ParseState("stuck"));
}

}  // namespace
}  // namespace forager
