#include "scheduler/orders.h"

namespace forager::scheduler {
namespace {

constexpr Millis kPoll{1'000};

}  // namespace

Orders::Orders(os::EventLoop& loop, StoreCalls& calls, supervisor::Supervisor& supervisor)
    : calls_(calls), supervisor_(supervisor), timer_(loop.Every(kPoll, [this] { Check(); })) {}

void Orders::Check() {
  again_ = checking_;
  if (checking_) return;
  auto live = supervisor_.Live();
  if (live.empty()) return;
  checking_ = true;
  using Found = std::vector<store::Order>;
  calls_.Read<Found>([live](store::Store& store) { return store.Orders(live); },
                     [this](Result<Found> found) {
                       checking_ = false;
                       for (const store::Order& order : found.value_or(Found{})) {
                         if (order.fenced) {
                           supervisor_.Stop(order.ref, StopReason::kFenced, true);
                         } else if (order.cancel) {
                           supervisor_.Stop(order.ref, StopReason::kCancel, order.cancel_forced);
                         }
                       }
                       if (std::exchange(again_, false)) Check();
                     });
}

}  // namespace forager::scheduler
