#include "app/server_clock.h"

#include <fmt/format.h>

#include <cstdlib>

#include "app/config_file.h"
#include "os/log.h"

namespace forager::app {
namespace {

constexpr Millis kStep{1'000};  // smaller ones are no jump
constexpr Millis kNoteEvery{400};
constexpr const char* kFact = "clock";
// As long as old rows are not to be trusted to be old.
constexpr Millis kJumpMatters{24 * 3'600'000};

bool Within(Millis difference, Millis bound) { return difference <= bound && difference >= -bound; }

// The steady clock begins anew with the machine, whose start has this name.
std::string Write(Millis offset) {
  std::string start = ReadWholeFile("/proc/sys/kernel/random/boot_id", 100).value_or("");
  return fmt::format("{} {}", start.substr(0, start.find('\n')), offset.count());
}

// None: of another machine, or another start of it.
std::optional<Millis> Read(const std::string& fact) {
  std::string now = Write(Millis{0});
  std::string_view start = std::string_view(now).substr(0, now.find(' ') + 1);
  if (!fact.starts_with(start)) return std::nullopt;
  return Millis{std::strtoll(fact.c_str() + start.size(), nullptr, 10)};
}

}  // namespace

ServerClock::ServerClock()
    : offset_((os::SystemClock().Now().time_since_epoch() -
               os::SystemClock().SteadyNow().time_since_epoch())
                  .count()) {}

os::Wall ServerClock::Now() const {
  std::int64_t now = (SteadyNow().time_since_epoch() + offset()).count();
  std::int64_t latest = latest_;
  while (latest < now && !latest_.compare_exchange_weak(latest, now)) {
  }
  bool turned_back = latest > now && Within(Millis{latest - now}, kStep);
  return os::Wall(Millis{turned_back ? latest : now});
}

void ServerClock::Move(Millis by) {
  offset_ += by.count();
  if (!Within(by, kStep)) latest_ = 0;
}

os::Steady ServerClock::SteadyNow() const { return os::SystemClock().SteadyNow(); }

Millis ServerClock::Behind() const { return os::SystemClock().Now() - Now(); }

ClockKeeper::ClockKeeper(ServerClock& clock, scheduler::StoreCalls& calls,
                         std::function<void(Millis)> moved)
    : clock_(clock), calls_(calls), moved_(std::move(moved)) {}

void ClockKeeper::Look() {
  Millis by = clock_.Behind();
  if (Within(by, kStep)) {
    clock_.Move(by);
    if (!Within(clock_.offset() - noted_, kNoteEvery)) Note();
    return;
  }
  if (std::exchange(moving_, true)) return;
  // Set within the unit of work: whoever reads it afterwards is not moved, and whoever did before
  // is.
  Millis before = clock_.offset();
  calls_.Write<bool>(
      [this, by, before](store::Store& store) -> Result<bool> {
        clock_.SetOffset(before + by);
        auto moved = store.MoveWaits(by, clock_.Now());
        if (!moved) return std::unexpected(moved.error());
        auto noted = store.SetFact(kFact, Write(before + by));
        if (!noted) return std::unexpected(noted.error());
        return true;
      },
      [this, by, before](const Result<bool>& moved) {
        moving_ = false;
        if (!moved) return clock_.SetOffset(before);
        noted_ = before + by;
        os::LogWarning(fmt::format(
            "🕒 The system's clock was set {} by {}: what waits or runs moves along",
            by > Millis{0} ? "forward" : "back", FormatDuration(by > Millis{0} ? by : -by)));
        moved_(by);
      });
}

// Small steps add up.
void ClockKeeper::Note() {
  noted_ = clock_.offset();
  calls_.Write<bool>(
      [fact = Write(noted_)](store::Store& store) -> Result<bool> {
        auto noted = store.SetFact(kFact, fact);
        if (!noted) return std::unexpected(noted.error());
        return true;
      },
      [](const Result<bool>&) {});
}

Result<bool> ClockKeeper::Resume(store::StoreService& store) {
  noted_ = clock_.offset();
  bool matters = false;
  auto done = store.WriteAndWait([&](store::Store& unit) -> Result<void> {
    auto fact = unit.Fact(kFact);
    if (!fact) return std::unexpected(fact.error());
    std::optional<Millis> before = *fact ? Read(**fact) : std::nullopt;
    if (before && !Within(noted_ - *before, kStep)) {
      if (auto moved = unit.MoveWaits(noted_ - *before, clock_.Now()); !moved) return moved;
    }
    auto jump = unit.LastClockJump();
    if (!jump) return std::unexpected(jump.error());
    matters = *jump && Within(clock_.Now() - (*jump)->at, kJumpMatters);
    return unit.SetFact(kFact, Write(noted_));
  });
  if (!done) return std::unexpected(done.error());
  return matters;
}

}  // namespace forager::app
