#include "job/schedule.h"

#include <span>

namespace forager {
namespace {

constexpr std::string_view kOverlaps[] = {"skip", "queue", "cancel_old"};
constexpr std::string_view kMissed[] = {"none", "once", "all"};
constexpr std::string_view kKinds[] = {"due", "catch_up", "manual"};
constexpr std::string_view kResults[] = {"submitted", "skipped", "missed"};

template <typename Value>
std::optional<Value> Find(std::span<const std::string_view> names, std::string_view name) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return static_cast<Value>(i);
  }
  return std::nullopt;
}

}  // namespace

std::string_view Name(Overlap overlap) { return kOverlaps[static_cast<std::size_t>(overlap)]; }
std::string_view Name(Missed missed) { return kMissed[static_cast<std::size_t>(missed)]; }
std::string_view Name(RunKind kind) { return kKinds[static_cast<std::size_t>(kind)]; }
std::string_view Name(RunResult result) { return kResults[static_cast<std::size_t>(result)]; }

std::optional<Overlap> ParseOverlap(std::string_view name) {
  return Find<Overlap>(kOverlaps, name);
}
std::optional<Missed> ParseMissed(std::string_view name) { return Find<Missed>(kMissed, name); }

}  // namespace forager
