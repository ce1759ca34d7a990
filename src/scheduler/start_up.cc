#include "scheduler/start_up.h"

#include "scheduler/ending.h"

namespace forager::scheduler {
namespace {

constexpr int kBatch = 1'000;
constexpr std::chrono::seconds kPatience{30};  // with a database that others use

struct Batch {
  std::optional<store::RunningCursor> next;  // of the rows in `running`
  int released = 0;
  std::vector<std::pair<Ending, Written>> given_back;
};

// One page. Rows that a person set to running have no open attempt: they are the monitor's.
Result<Batch> GiveBackPage(store::Store& store, const Policy& policy,
                           const std::optional<store::RunningCursor>& after, WallTime now) {
  auto page = store.Running(after, kBatch, now);
  if (!page) return std::unexpected(page.error());
  std::vector<Ending> endings;
  for (const store::RunningJob& running : page->jobs) {
    if (!running.has_open_attempt) continue;
    if (policy.shared && running.node != policy.node) continue;
    endings.push_back(EndingWithoutProcess(
        running, {ErrorClass::kInterrupted, "The server stopped while it ran", {}}, policy, now));
  }
  auto written = WriteEndings(store, endings);
  if (!written) return std::unexpected(written.error());
  Batch batch{page->next, 0, {}};
  for (std::size_t i = 0; i < endings.size(); ++i) {
    if ((*written)[i].in_time)
      batch.given_back.emplace_back(std::move(endings[i]), std::move((*written)[i]));
  }
  return batch;
}

// Slots that their jobs have left.
Result<Batch> ReleaseSome(store::Store& store, const Policy& policy, WallTime now) {
  std::optional<std::string> node;
  if (policy.shared) node = policy.node;
  auto held = store.Unreleased(node, kBatch);
  if (!held) return std::unexpected(held.error());
  std::vector<AttemptRef> refs;
  for (const Attempt& attempt : *held) refs.push_back(attempt.ref);
  auto released = store.ReleaseAll(refs, now);
  if (!released) return std::unexpected(released.error());
  return Batch{std::nullopt, *released, {}};
}

Result<Batch> Write(store::StoreService& store, const Policy& policy,
                    const std::function<Result<Batch>(store::Store&)>& work) {
  Batch done;
  auto written = store.WritePatiently(
      [&](store::Store& unit) -> Result<void> {
        auto batch = work(unit);
        if (!batch) return std::unexpected(batch.error());
        done = std::move(*batch);
        return {};
      },
      policy.shared ? kPatience : std::chrono::seconds(0));
  if (!written) return std::unexpected(written.error());
  for (const auto& [ending, word] : done.given_back) LogEnding(ending, word);
  return done;
}

}  // namespace

Result<int> GiveBackOrphans(store::StoreService& store, const Policy& policy, WallTime now) {
  int given_back = 0;
  std::optional<store::RunningCursor> after;
  do {
    auto page = Write(store, policy, [&](store::Store& unit) {
      return GiveBackPage(unit, policy, after, now);
    });
    if (!page) return std::unexpected(page.error());
    given_back += static_cast<int>(page->given_back.size());
    after = page->next;
  } while (after);
  for (;;) {
    auto some =
        Write(store, policy, [&](store::Store& unit) { return ReleaseSome(unit, policy, now); });
    if (!some) return std::unexpected(some.error());
    if (some->released == 0) return given_back;
  }
}

}  // namespace forager::scheduler
