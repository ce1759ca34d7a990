#include "worker/server_turns.h"

#include <algorithm>
#include <thread>

#include "job/turn.h"
#include "os/clock.h"

namespace forager::worker {
namespace {

constexpr Millis kPulse{500};
// The server refuses what is longer, or ends the attempt at its deadline; this is for a server that
// does neither.
constexpr Millis kLongestSilence = kLongestTurnWait;

}  // namespace

std::optional<collectors::NoTurn> ServerTurns::Take(const collectors::TurnWish& wish) {
  const std::int64_t id = ++last_id_;
  out_.Write(AskTurnEvent{id, wish.host, wish.interval});
  const os::Steady end = os::SystemClock().SteadyNow() + kLongestSilence;
  std::string line;
  while (os::SystemClock().SteadyNow() < end) {
    const auto got = input_.Next(line, kPulse);
    if (got == InputLines::Got::kEnd) break;
    if (got == InputLines::Got::kLate) out_.Write(HeartbeatEvent{});
    if (got != InputLines::Got::kLine) continue;
    const auto answer = ParseTurnAnswer(line);
    if (!answer || answer->id != id) continue;
    if (!answer->granted) {
      return collectors::NoTurn{
          "other requests to " + wish.host + " have all turns of the next minutes", answer->wait};
    }
    Wait(answer->wait);
    return std::nullopt;
  }
  return collectors::NoTurn{"the server did not say when it may ask " + wish.host, std::nullopt};
}

void ServerTurns::Wait(Millis wait) {
  const os::Steady turn = os::SystemClock().SteadyNow() + wait;
  for (os::Steady now; (now = os::SystemClock().SteadyNow()) < turn; out_.Write(HeartbeatEvent{})) {
    std::this_thread::sleep_for(std::min<os::Steady::duration>(turn - now, kPulse));
  }
}

}  // namespace forager::worker
