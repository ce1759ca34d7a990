#include "scheduler/orders.h"

namespace forager::scheduler {
namespace {

constexpr Millis kPoll{1'000};
constexpr Millis kRetry{100};

}  // namespace

Orders::Orders(os::EventLoop& loop, StoreCalls& calls, supervisor::Supervisor& supervisor)
    : loop_(loop),
      calls_(calls),
      supervisor_(supervisor),
      timer_(loop.Every(kPoll, [this] { Check(); })) {}

void Orders::Check() {
  again_ = checking_;
  if (checking_) return;
  auto live = supervisor_.Live();
  if (live.empty()) return;
  checking_ = true;
  using Found = std::vector<store::Order>;
  calls_.Read<Found>([live](store::Store& store) { return store.Orders(live); },
                     [this](Result<Found> found) { this->Found(std::move(found)); });
}

void Orders::Found(Result<std::vector<store::Order>> found) {
  checking_ = false;
  bool failed_before = std::exchange(failed_, !found);
  if (!found) {
    if (!failed_before) return Check();
    retry_ = loop_.After(kRetry, [this] { Check(); });
    return;
  }
  for (const store::Order& order : *found) {
    if (order.fenced) {
      supervisor_.Stop(order.ref, StopReason::kFenced, true);
    } else if (order.cancel) {
      supervisor_.Stop(order.ref, StopReason::kCancel, order.cancel_forced);
    }
  }
  if (std::exchange(again_, false)) Check();
}

}  // namespace forager::scheduler
