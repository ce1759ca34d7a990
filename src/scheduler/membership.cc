#include "scheduler/membership.h"

#include <fmt/format.h>

#include "os/log.h"
#include "scheduler/ending.h"

namespace forager::scheduler {
namespace {

constexpr int kBeatsPerLease = 5;
constexpr Millis kReclaimInterval{1'000};
constexpr int kBatch = 200;

struct Reclaimed {
  std::vector<std::pair<Ending, Written>> endings;
  int slots = 0;
};

Failed Lost(const store::RunningJob& running) {
  return {ErrorClass::kNodeLost,
          fmt::format("The server {} was not heard of until its lease ran out",
                      running.node.value_or("it ran on")),
          {}};
}

Result<Reclaimed> TakeOver(store::Store& store, const Policy& policy, WallTime now) {
  Reclaimed reclaimed;
  auto lost = store.LostAttempts(kBatch, now);
  if (!lost) return std::unexpected(lost.error());
  std::vector<Ending> endings;
  for (const store::RunningJob& running : *lost) {
    // Its keeper has killed it before the lease could run out.
    if (running.has_open_attempt)
      endings.push_back(EndingWithoutProcess(running, Lost(running), policy, now));
  }
  auto written = WriteEndings(store, endings);
  if (!written) return std::unexpected(written.error());
  for (std::size_t i = 0; i < endings.size(); ++i) {
    if ((*written)[i].in_time)
      reclaimed.endings.emplace_back(std::move(endings[i]), std::move((*written)[i]));
  }
  auto slots = store.LostSlots(policy.lease, kBatch, now);
  if (!slots) return std::unexpected(slots.error());
  auto released = store.ReleaseAll(*slots, now);
  if (!released) return std::unexpected(released.error());
  reclaimed.slots = *released;
  return reclaimed;
}

}  // namespace

Membership::Membership(os::EventLoop& loop, const os::Clock& clock, StoreCalls& calls,
                       supervisor::Supervisor& supervisor, std::function<const Policy&()> policy,
                       std::string boot_id, Hooks hooks)
    : loop_(loop),
      clock_(clock),
      calls_(calls),
      supervisor_(supervisor),
      policy_(std::move(policy)),
      boot_id_(std::move(boot_id)),
      hooks_(std::move(hooks)) {}

void Membership::Start() {
  timers_.push_back(loop_.Every(policy_().lease / kBeatsPerLease, [this] { Beat(); }));
  if (policy_().shared) timers_.push_back(loop_.Every(kReclaimInterval, [this] { Reclaim(); }));
  Beat();
}

void Membership::Beat() {
  if (std::exchange(beating_, true)) return;
  const Policy& policy = policy_();
  // The lease is counted from before the request: the answer may be long under way.
  os::Steady sent = os::SystemClock().SteadyNow();
  WallTime sent_at = clock_.Now();
  int capacity = policy.capacity > 0 ? policy.capacity : policy.max_running;
  calls_.WriteUrgent<store::HeartbeatAnswer>(
      [node = policy.node, boot = boot_id_, capacity, lease = policy.lease, sent_at](
          store::Store& store) { return store.Heartbeat(node, boot, capacity, lease, sent_at); },
      [this, sent, sent_at](Result<store::HeartbeatAnswer> answer) {
        beating_ = false;
        if (answer) Heard(*answer, sent, sent_at);
      });
}

void Membership::Heard(const store::HeartbeatAnswer& answer, os::Steady sent, WallTime sent_at) {
  if (!answer.ours) return hooks_.replaced();
  os::Steady now = os::SystemClock().SteadyNow();
  const Policy& policy = policy_();
  if (policy.shared) {
    supervisor_.LeasesHoldUntil(sent + policy.lease);
    Millis way = std::chrono::duration_cast<Millis>(now - sent);
    if (way < policy.lease / kBeatsPerLease)
      hooks_.clock_differs(answer.database_now - sent_at - way / 2);
    if (!heard_since_ || now - last_heard_ > policy.lease) heard_since_ = now;
    last_heard_ = now;
  }
  bool other_nodes = std::exchange(nodes_, answer.nodes) != answer.nodes;
  bool other_drain = std::exchange(draining_, answer.draining) != answer.draining;
  if (other_drain) hooks_.draining(draining_);
  if (other_nodes || other_drain) hooks_.changed();
}

bool Membership::LeasesHold() const {
  const Policy& policy = policy_();
  return !policy.shared || os::SystemClock().SteadyNow() - last_heard_ < policy.lease / 2;
}

// Not before the database has answered for one lease's length: after a failover, or a night
// without a database, the others must have had the time to renew theirs.
void Membership::Reclaim() {
  os::Steady now = os::SystemClock().SteadyNow();
  Millis lease = policy_().lease;
  bool heard = heard_since_ && now - *heard_since_ >= lease && now - last_heard_ < lease;
  if (!heard || std::exchange(reclaiming_, true)) return;
  WallTime at = clock_.Now();
  calls_.Write<Reclaimed>(
      [policy = policy_(), at](store::Store& store) { return TakeOver(store, policy, at); },
      [this](Result<Reclaimed> reclaimed) {
        reclaiming_ = false;
        if (!reclaimed) return;
        for (const auto& [ending, written] : reclaimed->endings) LogEnding(ending, written);
        if (!reclaimed->endings.empty())
          os::LogWarning(fmt::format("🔁 {} job(s) of a server that was lost were taken over",
                                     reclaimed->endings.size()));
        if (!reclaimed->endings.empty() || reclaimed->slots > 0) hooks_.slots_freed();
      });
}

}  // namespace forager::scheduler
