#include "supervisor/attempt_clocks.h"

#include <fmt/format.h>

#include <algorithm>

namespace forager::supervisor {
namespace {

// Without progress for less than this it is "working".
constexpr Millis kStillWorking{60'000};

template <typename T>
bool Renew(std::optional<T>& kept, const std::optional<T>& said) {
  if (!said || kept == said) return false;
  kept = said;
  return true;
}

}  // namespace

bool AttemptClocks::Note(const Event& event, os::Steady now) {
  bool progress = std::holds_alternative<RecordEvent>(event) ||
                  std::holds_alternative<ChildJobEvent>(event) ||
                  std::holds_alternative<ResultEvent>(event);
  if (const auto* said = std::get_if<ProgressEvent>(&event)) {
    progress |= Renew(last_.percent, said->percent);
    progress |= Renew(last_.stage, said->stage);
    progress |= Renew(last_.message, said->message);
    if (said->bytes && *said->bytes > last_.bytes.value_or(0)) {
      last_.bytes = said->bytes;
      progress = true;
    }
    Renew(last_.url, said->url);
  }
  if (progress) progressed_ = std::max(progressed_, now);
  return progress;
}

void AttemptClocks::TurnAnswered(os::Steady now, Millis wait) {
  if (!turn_asked_) return;
  turn_at_ = now + wait;
  os::Steady rested_from = std::max(*turn_asked_, progressed_);
  if (turn_at_ > rested_from) progressed_ += turn_at_ - rested_from;
  turn_asked_.reset();
}

void AttemptClocks::Forgive(Millis pause) {
  heard_ += pause;
  progressed_ += pause;
}

StopReason AttemptClocks::Check(os::Steady now) const {
  if (now - started_ >= limits_.timeout) return StopReason::kTimedOut;
  if (now - heard_ >= limits_.heartbeat) return StopReason::kHeartbeatLost;
  if (!turn_asked_ && now - progressed_ >= limits_.stall) return StopReason::kStalled;
  return StopReason::kNone;
}

os::Steady AttemptClocks::Due() const {
  os::Steady due = std::min(started_ + limits_.timeout, heard_ + limits_.heartbeat);
  return turn_asked_ ? due : std::min(due, progressed_ + limits_.stall);
}

std::string AttemptClocks::Explain(StopReason reason, os::Steady now) const {
  switch (reason) {
    case StopReason::kHeartbeatLost:
      return fmt::format("nothing heard for {}", DurationWords(limits_.heartbeat));
    case StopReason::kStalled: {
      std::string where = last_.percent ? fmt::format(" at {}%", *last_.percent) : "";
      if (last_.stage) where += fmt::format(" in stage {}", *last_.stage);
      return fmt::format("nothing new for {}{}", DurationWords(limits_.stall), where);
    }
    case StopReason::kTimedOut:
      return Describe(now);
    default:
      return "";
  }
}

std::string AttemptClocks::Describe(os::Steady now) const {
  Millis still = std::chrono::duration_cast<Millis>(now - progressed_);
  if (AwaitsTurn(now)) return "It was waiting for its turn at a host.";
  return still < kStillWorking ? "It was still working."
                               : fmt::format("It had made no progress for {}.", DurationWords(still));
}

std::string DurationWords(Millis duration) {
  double seconds = static_cast<double>(duration.count()) / 1000.0;
  if (seconds < 120) return fmt::format("{:.3g} s", seconds);
  if (seconds < 7200) return fmt::format("{:.0f} minutes", seconds / 60);
  return fmt::format("{:.3g} hours", seconds / 3600);
}

}  // namespace forager::supervisor
