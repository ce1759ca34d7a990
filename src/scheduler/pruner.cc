#include "scheduler/pruner.h"

#include <algorithm>

#include "os/log.h"

namespace forager::scheduler {
namespace {

constexpr Millis kInterval{10 * 60'000};
constexpr Millis kPause{50};
constexpr std::chrono::days kAlertsKept{30};
constexpr std::chrono::days kHostsKept{1};
constexpr Millis kHold{24 * 3'600'000};
constexpr int kBatch = 200;
constexpr int kBatchesPerRun = 2'000;

}  // namespace

Pruner::Pruner(os::EventLoop& loop, const os::Clock& clock, StoreCalls& calls, Millis retention)
    : loop_(loop),
      clock_(clock),
      calls_(calls),
      retention_(retention),
      timer_(loop.Every(kInterval, [this] { RunOnce(); })) {}

void Pruner::Hold() { held_until_ = clock_.SteadyNow() + kHold; }

void Pruner::RunOnce() {
  if (clock_.SteadyNow() < held_until_) return;
  if (std::exchange(running_, true)) return;
  Batch(kBatchesPerRun);
}

void Pruner::Batch(int left) {
  WallTime now = clock_.Now();
  bool jobs = retention_ > Millis{0};
  WallTime before = now - retention_;
  calls_.Write<int>(
      [now, before, jobs](store::Store& store) -> Result<int> {
        auto access = store.PruneAccess(now, kBatch);
        if (!access) return access;
        auto alerts = store.PruneAlerts(now - kAlertsKept, kBatch);
        if (!alerts) return alerts;
        auto pruned = jobs ? store.PruneJobs(before, kBatch) : Result<int>(0);
        if (!pruned) return pruned;
        auto history = store.PruneHistory(now, kBatch);
        if (!history) return history;
        auto hosts = store.PruneHosts(now - kHostsKept, kBatch);
        if (!hosts) return hosts;
        return std::max({*access, *alerts, *pruned, *history, *hosts});
      },
      [this, left](Result<int> pruned) {
        running_ = pruned && *pruned == kBatch && left > 1;
        if (!pruned) os::LogWarning("Old jobs could not be deleted: " + pruned.error().detail);
        if (running_) pause_ = loop_.After(kPause, [this, left] { Batch(left - 1); });
      });
}

}  // namespace forager::scheduler
