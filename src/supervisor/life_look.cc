#include "supervisor/life_look.h"

#include <algorithm>
#include <utility>

namespace forager::supervisor {
namespace {

constexpr std::size_t kTogether = 256;
// Between two readings: so many times what the last one took, and no less than that.
constexpr int kRest = 3;
constexpr Millis kLeastRest{15}, kLongestRest{1'000};

}  // namespace

LifeLook::LifeLook(os::EventLoop& loop, Attempts& attempts)
    : loop_(loop), attempts_(attempts), reader_(loop) {}

void LifeLook::Ask(std::uint64_t id) {
  asked_.push_back(id);
  if (!closed_) closed_ = std::make_unique<os::ClosedTcp>();
  if (!next_ && reading_.empty()) GoOn(Millis{0});
}

void LifeLook::Forget(std::uint64_t id) {
  trees_.erase(id);
  Rest();
}

void LifeLook::Rest() {
  if (trees_.empty() && asked_.empty() && reading_.empty()) closed_.reset();
}

void LifeLook::GoOn(Millis pause) {
  next_ = loop_.After(pause, [this] { Begin(); });
}

void LifeLook::Begin() {
  next_.reset();
  std::vector<TreeToRead> wanted;
  for (; !asked_.empty() && wanted.size() < kTogether; asked_.pop_front()) {
    auto collector = attempts_.CollectorOf(asked_.front());
    if (!collector) continue;
    TreeToRead& one = wanted.emplace_back(TreeToRead{asked_.front(), *collector, {}});
    auto known = trees_.find(one.id);
    if (known == trees_.end() || !known->second.settled) continue;
    for (const os::ProcessLife& process : known->second.processes)
      one.resting.emplace_back(process.pid, process.cpu);
  }
  if (wanted.empty()) return Rest();
  for (const TreeToRead& one : wanted) reading_.push_back(one.id);
  began_ = os::SystemClock().SteadyNow();
  bool begun = reader_.Read(
      std::move(wanted), [this](std::vector<TreeRead> trees) { Judge(std::move(trees)); },
      [this](std::uint64_t stuck) { GoOnWithout(stuck); });
  if (begun) return;
  asked_.insert(asked_.begin(), reading_.begin(), reading_.end());
  reading_.clear();
  GoOn(kLongestRest);
}

void LifeLook::Judge(std::vector<TreeRead> trees) {
  if (closed_ && closed_->Take()) last_closed_ = os::SystemClock().SteadyNow();
  for (TreeRead& read : trees) {
    std::uint64_t id = read.id;
    // Asked before it is compared: its pipes are read after its writing was counted. What is
    // written in between is owed, not gained.
    if (!attempts_.CollectorOf(id)) continue;
    if (read.tree) read.tree->output = attempts_.OutputOf(id);
    attempts_.Saw(id, Compared(std::move(read)));
  }
  reading_.clear();
  GoOn(std::clamp((os::SystemClock().SteadyNow() - began_) * kRest, kLeastRest, kLongestRest));
}

LifeSigns LifeLook::Compared(TreeRead read) {
  auto known = trees_.find(read.id);
  if (!read.tree) return {std::exchange(known->second.at, read.at), read.at};
  LifeSigns signs{read.at, read.at};  // the first look, with nothing to compare
  if (known != trees_.end()) {
    read.tree->closed = known->second.closed || last_closed_ > known->second.at;
    signs = Compare(known->second, *read.tree);
  }
  trees_[read.id] = std::move(*read.tree);
  return signs;
}

// Nothing was learnt of it, so no clock of its is believed. The others are asked for again.
void LifeLook::GoOnWithout(std::uint64_t stuck) {
  os::Steady now = os::SystemClock().SteadyNow();
  for (std::uint64_t id : std::exchange(reading_, {})) {
    if (id != stuck) asked_.push_back(id);
  }
  if (attempts_.CollectorOf(stuck)) attempts_.Saw(stuck, {now, now});
  GoOn(Millis{0});
}

}  // namespace forager::supervisor
