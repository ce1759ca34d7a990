#include "supervisor/attempt_clocks.h"

#include <fmt/format.h>

#include <algorithm>

namespace forager::supervisor {
namespace {

// Without progress for less than this it is "working".
constexpr Millis kStillWorking{60'000};
// How often a silent stranger is looked at: a few times in the first half of its limit, so that the
// time of a sign is known to a sixteenth of it, then each second.
constexpr int kLooks = 16;
constexpr Millis kOftenest{100}, kEachSecond{1'000};
// What was seen between two looks further apart may have been at the beginning of that time.
constexpr Millis kDated{1'000};
// Between looks so near to each other "something was seen" means now.
constexpr Millis kNear{2'000};
// Looks of many attempts fall due together, and wake the loop so seldom.
constexpr Millis kTogether{50};
// The least use of a processor in a second that is a sign of life.
constexpr std::chrono::nanoseconds kLeastCpu = Millis{10};

template <typename T>
bool Renew(std::optional<T>& kept, const std::optional<T>& said) {
  if (!said || kept == said) return false;
  kept = said;
  return true;
}

bool UsedCpu(const LifeSigns& signs) {
  Millis window = std::max(signs.at - signs.since, Millis{1});
  return signs.cpu * 1'000 >= kLeastCpu * window.count();
}

bool Moved(const LifeSigns& signs) { return signs.bytes > 0 || signs.worked; }

std::string BytesWords(std::int64_t bytes) {
  if (bytes < 1024) return fmt::format("{} bytes", bytes);
  if (bytes < 1 << 20) return fmt::format("{} KiB", bytes >> 10);
  return fmt::format("{} MiB", bytes >> 20);
}

Millis Together(os::Steady at) {
  return (at.time_since_epoch() + kTogether - Millis{1}) / kTogether * kTogether;
}

Millis Since(os::Steady at, os::Steady now) { return std::max(now - at, Millis{0}); }

}  // namespace

void AttemptClocks::Heard(os::Steady now) {
  heard_ = std::max(heard_, now);
  output_ = now;
}

void AttemptClocks::HeardNew(os::Steady now) {
  new_output_ = now;
  if (stranger_) progressed_ = std::max(progressed_, now);
}

bool AttemptClocks::Note(const Event& event, os::Steady now) {
  bool progress = std::holds_alternative<RecordEvent>(event) ||
                  std::holds_alternative<ChildJobEvent>(event) ||
                  std::holds_alternative<ResultEvent>(event);
  if (std::holds_alternative<RecordEvent>(event) || std::holds_alternative<HeartbeatEvent>(event) ||
      std::holds_alternative<ProgressEvent>(event))
    stranger_ = false;
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

std::optional<os::Steady> AttemptClocks::NextLook() const {
  if (!stranger_ || looking_) return std::nullopt;
  auto next = [this](Millis limit, os::Steady since) {
    Millis step = std::max(limit / kLooks, kOftenest);
    if (!look_) return since + step;
    os::Steady due = since + limit;
    Millis pause = look_->at < since + limit / 2 ? step : std::min(step, kEachSecond);
    os::Steady at = std::max(since + step, look_->at + pause);
    return look_->at < due ? std::min(at, due) : at;
  };
  os::Steady look = next(limits_.stall, progressed_);
  return heartbeat_rests() ? look : std::min(look, next(limits_.heartbeat, heard_));
}

bool AttemptClocks::TakeLook(os::Steady now) {
  auto look = NextLook();
  looking_ |= look && *look <= now;
  return look && *look <= now;
}

void AttemptClocks::Saw(const LifeSigns& signs) {
  looking_ = false;
  look_ = signs;
  if (signs.first()) return;
  os::Steady dated = std::min(signs.at, signs.since + kDated);
  auto used = std::chrono::duration_cast<Millis>(signs.cpu).count();
  if (UsedCpu(signs)) {
    cpu_ = {used, signs.at};
    heard_ = std::max(heard_, dated);
  }
  if (Moved(signs)) {
    if (signs.bytes > 0) bytes_ = {signs.bytes, signs.at};
    heard_ = std::max(heard_, dated);
    if (stranger_) progressed_ = std::max(progressed_, dated);
  }
}

bool AttemptClocks::Passed(Millis limit, os::Steady since, bool sign, os::Steady now) const {
  if (now - since < limit) return false;
  if (!stranger_) return true;
  return look_ && look_->at - since >= limit && !look_->first() &&
         (!sign || look_->at - look_->since <= kNear);
}

StopReason AttemptClocks::Check(os::Steady now) const {
  if (now - started_ >= limits_.timeout) return StopReason::kTimedOut;
  bool moved = look_ && Moved(*look_), alive = moved || (look_ && UsedCpu(*look_));
  if (!heartbeat_rests() && Passed(limits_.heartbeat, heard_, alive, now))
    return StopReason::kHeartbeatLost;
  if (!turn_asked_ && Passed(limits_.stall, progressed_, moved, now)) return StopReason::kStalled;
  return StopReason::kNone;
}

os::Steady AttemptClocks::Due() const {
  os::Steady due = started_ + limits_.timeout;
  if (stranger_) {
    auto look = NextLook();
    return look ? std::min(due, os::Steady{Together(*look)}) : due;
  }
  due = std::min(due, heard_ + limits_.heartbeat);
  return turn_asked_ ? due : std::min(due, progressed_ + limits_.stall);
}

std::string AttemptClocks::Explain(StopReason reason, os::Steady now) const {
  switch (reason) {
    case StopReason::kHeartbeatLost:
      return fmt::format(
          "{} for {}",
          stranger_ ? "no output, no CPU time used and no bytes moved" : "nothing heard",
          DurationWords(limits_.heartbeat));
    case StopReason::kStalled: {
      if (stranger_)
        return fmt::format("no new output and no bytes moved for {}", DurationWords(limits_.stall));
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
  if (AwaitsTurn(now)) return "It was waiting for its turn at a host.";
  Millis still = Since(progressed_, now);
  if (still < kStillWorking) return "It was still working.";
  if (!stranger_) return fmt::format("It had made no progress for {}.", DurationWords(still));
  // Not looked at yet, or not for long: what it did in silence is not known.
  Millis silent = Since(new_output_.value_or(started_), now);
  std::string moved =
      bytes_ ? fmt::format(", and moved bytes {} before", DurationWords(Since(bytes_->at, now)))
             : "";
  return fmt::format("It had said nothing new for {}{}.", DurationWords(silent), moved);
}

std::string AttemptClocks::Signs(os::Steady now) const {
  auto ago = [now](os::Steady at) { return DurationWords(Since(at, now)) + " ago"; };
  std::string words = output_ ? "output " + ago(*output_) : "no output yet";
  if (output_ && new_output_ && stranger_ && *new_output_ < *output_)
    words += ", new output " + ago(*new_output_);
  if (!stranger_) return fmt::format("Signs of life: {}, progress {}.", words, ago(progressed_));
  if (bytes_) words += fmt::format(", {} moved {}", BytesWords(bytes_->amount), ago(bytes_->at));
  if (cpu_) words += fmt::format(", CPU {} ms {}", cpu_->amount, ago(cpu_->at));
  if (!look_) {
    words += "; its processes were not looked at yet";
  } else if (!bytes_ && !cpu_) {
    words += fmt::format("; a look at its processes {} saw none", ago(look_->at));
  }
  if (heartbeat_rests())
    words += "; the heartbeat clock rests, since it has never spoken forager's protocol";
  return fmt::format("Signs of life: {}.", words);
}

std::string DurationWords(Millis duration) {
  double seconds = static_cast<double>(duration.count()) / 1000.0;
  if (seconds < 120) return fmt::format("{:.3g} s", seconds);
  if (seconds < 7200) return fmt::format("{:.0f} minutes", seconds / 60);
  return fmt::format("{:.3g} hours", seconds / 3600);
}

}  // namespace forager::supervisor
