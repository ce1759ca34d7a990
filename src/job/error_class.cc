#include "job/error_class.h"

#include <utility>

namespace forager {
namespace {

constexpr std::pair<ErrorClass, std::string_view> kNames[] = {
    {ErrorClass::kTransient, "transient"},
    {ErrorClass::kCrashed, "crashed"},
    {ErrorClass::kHeartbeatLost, "heartbeat_lost"},
    {ErrorClass::kStalled, "stalled"},
    {ErrorClass::kInterrupted, "interrupted"},
    {ErrorClass::kNodeLost, "node_lost"},
    {ErrorClass::kPermanent, "permanent"},
    {ErrorClass::kUnmetExpectation, "unmet_expectation"},
    {ErrorClass::kInvalid, "invalid"},
    {ErrorClass::kUnknownEntityType, "unknown_entity_type"},
    {ErrorClass::kMissingApiKey, "missing_api_key"},
    {ErrorClass::kBudgetExceeded, "budget_exceeded"},
    {ErrorClass::kTimedOut, "timed_out"},
    {ErrorClass::kReset, "reset"},
};

}  // namespace

std::string_view Name(ErrorClass error_class) {
  for (const auto& [value, name] : kNames) {
    if (value == error_class) return name;
  }
  return "";
}

std::optional<ErrorClass> ParseErrorClass(std::string_view name) {
  for (const auto& [value, known] : kNames) {
    if (known == name) return value;
  }
  return std::nullopt;
}

}  // namespace forager
