#include "scheduler/politeness.h"

#include <algorithm>
#include <iterator>

namespace forager::scheduler {
namespace {

constexpr std::size_t kBatch = 100;
constexpr Millis kTryAgain{1'000};

}  // namespace

Politeness::Politeness(os::EventLoop& loop, const os::Clock& clock, StoreCalls& calls,
                       supervisor::Supervisor& supervisor, Millis host_interval)
    : loop_(loop),
      clock_(clock),
      calls_(calls),
      supervisor_(supervisor),
      host_interval_(host_interval) {}

void Politeness::Ask(const AttemptRef& ref, const supervisor::TurnQuestion& question) {
  questions_.push_back({ref, question});
  Reserve();
}

void Politeness::Reserve() {
  os::Steady now = clock_.SteadyNow();
  DropLate(now);
  if (writing_ || again_ || questions_.empty()) return;
  auto last = questions_.begin() + static_cast<std::ptrdiff_t>(std::min(questions_.size(), kBatch));
  std::vector<Question> batch(std::make_move_iterator(questions_.begin()),
                              std::make_move_iterator(last));
  questions_.erase(questions_.begin(), last);
  std::vector<store::TurnWish> wishes;
  for (const auto& [ref, of] : batch) {
    Millis left = std::chrono::duration_cast<Millis>(of.deadline - now);
    wishes.push_back({of.asked.host, of.asked.interval,
                      std::min(left, of.first ? kLongestFirstWait : kLongestTurnWait)});
  }
  writing_ = true;
  // Not among other writes, which wait for claims of other servers while they would hold the host.
  calls_.WriteUrgent<std::vector<store::Turn>>(
      [wishes = std::move(wishes), interval = host_interval_,
       at = clock_.Now()](store::Store& store) { return store.ReserveTurns(wishes, interval, at); },
      [this, batch = std::move(batch)](Result<std::vector<store::Turn>> turns) {
        Reserved(batch, std::move(turns));
      });
}

void Politeness::Reserved(const std::vector<Question>& batch,
                          Result<std::vector<store::Turn>> turns) {
  writing_ = false;
  if (turns) {
    for (std::size_t i = 0; i < batch.size(); ++i) Tell(batch[i], (*turns)[i]);
  } else {
    questions_.insert(questions_.begin(), batch.begin(), batch.end());
    again_ = loop_.After(kTryAgain, [this] {
      again_.reset();
      Reserve();
    });
  }
  Reserve();
}

void Politeness::Tell(const Question& question, const store::Turn& turn) {
  if (turn.granted && turn.wait > Millis{0}) {
    std::lock_guard lock(mutex_);
    waiting_[question.ref] = {question.of.asked.host, clock_.SteadyNow() + turn.wait,
                              turn.interval};
  }
  supervisor_.Answer(question.ref, {question.of.asked.id, turn.granted, turn.wait});
}

// Attempts that are over, and turns that have come.
void Politeness::DropLate(os::Steady now) {
  std::erase_if(questions_, [&](const Question& question) {
    return question.of.deadline <= now || !supervisor_.IsLive(question.ref);
  });
  std::lock_guard lock(mutex_);
  std::erase_if(waiting_, [&](const auto& entry) { return entry.second.turn <= now; });
}

std::optional<Politeness::Waiting> Politeness::WaitingOf(const AttemptRef& ref,
                                                         os::Steady now) const {
  std::lock_guard lock(mutex_);
  auto found = waiting_.find(ref);
  if (found == waiting_.end() || found->second.turn <= now) return std::nullopt;
  return found->second;
}

}  // namespace forager::scheduler
