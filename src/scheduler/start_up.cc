#include "scheduler/start_up.h"

#include <fmt/format.h>

#include "os/log.h"
#include "scheduler/ending.h"

namespace forager::scheduler {
namespace {

constexpr int kBatch = 1'000;
constexpr int kMaxRows = 10'000;
constexpr std::chrono::seconds kPatience{30};  // with a database that others use

// One batch; how many rows were dealt with. Rows that a person set to running have no open attempt:
// they are the monitor's.
Result<int> GiveBackBatch(store::Store& store, const Policy& policy, WallTime now,
                          int& given_back) {
  auto rows = store.Running(kMaxRows, now);
  if (!rows) return std::unexpected(rows.error());
  int dealt_with = 0;
  for (const store::RunningJob& running : *rows) {
    if (!running.has_open_attempt || dealt_with == kBatch) continue;
    if (policy.shared && running.job.node != policy.node) continue;
    Ending ending = EndingWithoutProcess(
        running, {ErrorClass::kInterrupted, "The server stopped while it ran", {}}, policy, now);
    auto written = WriteEnding(store, ending, 0.5);
    if (!written) return std::unexpected(written.error());
    if (written->in_time) LogEnding(ending, *written);
    given_back += written->in_time ? 1 : 0;
    ++dealt_with;
  }
  std::optional<std::string> node;
  if (policy.shared) node = policy.node;
  auto held = store.Unreleased(node, kBatch);
  if (!held) return std::unexpected(held.error());
  for (const Attempt& attempt : *held) {
    if (auto released = store.Release(attempt.ref, std::nullopt, now); !released)
      return std::unexpected(released.error());
    ++dealt_with;
  }
  return dealt_with;
}

}  // namespace

Result<int> GiveBackOrphans(store::StoreService& store, const Policy& policy, WallTime now) {
  int given_back = 0;
  for (int round = 0; round < 10'000; ++round) {
    int dealt_with = 0;
    int before = given_back;
    auto written = store.WritePatiently(
        [&](store::Store& unit) -> Result<void> {
          given_back = before;
          auto batch = GiveBackBatch(unit, policy, now, given_back);
          if (!batch) return std::unexpected(batch.error());
          dealt_with = *batch;
          return {};
        },
        policy.shared ? kPatience : std::chrono::seconds(0));
    if (!written) return std::unexpected(written.error());
    if (dealt_with == 0) break;
  }
  return given_back;
}

}  // namespace forager::scheduler
