#include "alerts/courier.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>

#include "alerts/sender.h"
#include "os/log.h"

namespace forager::alerts {
namespace {

constexpr Millis kLook{2'000};  // other servers, too, put messages into the outbox
constexpr Millis kLongestWait{30 * 60'000};
constexpr Millis kNotingSpare{30'000};  // a delivery must be noted before another may take it
constexpr std::size_t kMaxDirect = 20;

}  // namespace

Courier::Courier(Receiver receiver, Patience patience, store::StoreService& store,
                 const os::Clock& clock)
    : receiver_(std::move(receiver)), patience_(patience), store_(store), clock_(clock) {
  thread_ = std::thread([this] { Loop(); });
  pthread_setname_np(thread_.native_handle(), "courier");
}

Courier::~Courier() {
  Retire();
  thread_.join();
}

void Courier::Retire() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
}

void Courier::Wake() {
  {
    std::lock_guard lock(mutex_);
    woken_ = true;
  }
  changed_.notify_one();
}

void Courier::SendDirectly(store::AlertMessage message) {
  std::lock_guard lock(mutex_);
  if (direct_.size() >= kMaxDirect) direct_.pop_front();
  direct_.push_back({std::move(message), clock_.SteadyNow()});
  woken_ = true;
  changed_.notify_one();
}

void Courier::Loop() {
  while (!stopping_) {
    if (DeliverDirect() || DeliverStored()) continue;
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kLook, [this] { return stopping_ || woken_; });
    woken_ = false;
  }
  ended_ = true;
}

// True: there may be more to do at once.
bool Courier::DeliverDirect() {
  std::optional<Direct> next;
  {
    std::lock_guard lock(mutex_);
    if (direct_.empty() || direct_.front().due > clock_.SteadyNow()) return false;
    next = std::move(direct_.front());
    direct_.pop_front();
  }
  std::string error;
  if (Deliver(next->message, error)) return true;
  if (++next->message.tries >= patience_.max_tries || stopping_) return true;
  next->due = clock_.SteadyNow() + WaitAfter(next->message.tries - 1);
  std::lock_guard lock(mutex_);
  direct_.push_front(std::move(*next));
  return false;
}

bool Courier::DeliverStored() {
  auto message = Take();
  if (!message) return false;
  std::string error;
  bool delivered = Deliver(*message, error);
  // Stopped in the middle: nobody failed, and the next server has it when its time is up.
  if (!delivered && stopping_) return true;
  Note(*message, delivered, error);
  return true;
}

// Reading first: nothing is written while there is nothing to send.
std::optional<store::AlertMessage> Courier::Take() {
  WallTime now = clock_.Now();
  std::optional<WallTime> due;
  auto looked = store_.ReadAndWait([&](store::Store& store) -> Result<void> {
    auto found = store.MessageDue(receiver_.name);
    if (!found) return std::unexpected(found.error());
    due = *found;
    return {};
  });
  if (!looked || !due || *due > now) return std::nullopt;
  std::optional<store::AlertMessage> message;
  auto took = store_.WriteAndWait([&](store::Store& store) -> Result<void> {
    auto taken =
        store.TakeMessage(receiver_.name, clock_.Now() + patience_.timeout + kNotingSpare, now);
    if (!taken) return std::unexpected(taken.error());
    message = std::move(*taken);
    return {};
  });
  return took ? message : std::nullopt;
}

bool Courier::Deliver(const store::AlertMessage& message, std::string& error) {
  auto sent =
      Send(receiver_, message, patience_.timeout, clock_.Now(), [this] { return !stopping_; });
  if (sent) return true;
  error = sent.error().detail;
  if (!stopping_) {
    os::LogWarning(fmt::format("Alert receiver {}: message {} was not delivered: {}",
                               receiver_.name, message.id, error));
  }
  return false;
}

Millis Courier::WaitAfter(int tries) const {
  Millis wait = patience_.retry;
  for (int i = 0; i < tries && wait < kLongestWait; ++i) wait *= 2;
  return std::min(wait, kLongestWait);
}

void Courier::Note(const store::AlertMessage& message, bool delivered, const std::string& error) {
  WallTime now = clock_.Now();
  bool last = message.tries + 1 >= patience_.max_tries;
  if (!delivered && last) {
    os::LogError(fmt::format("❌ Alert receiver {}: message {} is given up after {} tries: {}",
                             receiver_.name, message.id, message.tries + 1, error));
  }
  auto next = last ? std::nullopt : std::optional(now + WaitAfter(message.tries));
  auto noted = store_.WriteAndWait([&](store::Store& store) {
    return delivered ? store.MessageDelivered(message.id, now)
                     : store.MessageFailed(message.id, error.substr(0, 500), next, now);
  });
  if (!noted) os::LogWarning("An alert's delivery was not noted: " + noted.error().detail);
}

}  // namespace forager::alerts
