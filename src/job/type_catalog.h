// What is known of each entity type: what collects it and what differs from the defaults. Made from
// the configuration, replaced as a whole when it is read again.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "job/retry_policy.h"
#include "job/time.h"

namespace forager {

// What a command's standard output means.
enum class Output {
  kEvents,  // each line that is an event is one, any other a line of the log
  kItems,   // each JSON object is an item, any other line a line of the log
  kText,    // lines of the log
};

constexpr std::string_view Name(Output output) {
  switch (output) {
    case Output::kEvents:
      return "events";
    case Output::kItems:
      return "jsonl";
    case Output::kText:
      return "text";
  }
  return "";
}

// Of a command's environment, names and values, beside what is always set.
inline constexpr std::size_t kMaxEnvironmentBytes = 64 * 1024;

// What an attempt's process tree may use together.
struct TreeLimits {
  std::int64_t memory_bytes = 1LL << 30;  // resident
  int max_processes = 256;
  std::int64_t scratch_bytes = 1LL << 30;  // in its scratch directory
};

struct TypeSettings {
  std::string entity_type;
  std::string collector;             // "web", "selftest" or "command"
  std::vector<std::string> command;  // argv of a command collector
  std::string directory;             // where a command runs, absolute; "": its scratch directory
  std::map<std::string, std::string> environment;  // of a command, beside what is always set
  Output output = Output::kEvents;
  Millis timeout{30 * 60'000};
  Millis heartbeat_timeout{30'000};
  bool heartbeat_set = false;  // by somebody: it counts for commands that never spoke, too
  Millis stall_timeout{10 * 60'000};
  Millis grace{10'000};
  TreeLimits limits;
  int priority = 5;
  int max_running = 0;        // 0: no limit of its own
  int max_children = 10'000;  // child jobs that one attempt may submit
  RetryPolicy retry;
};

class TypeCatalog {
 public:
  TypeCatalog(TypeSettings defaults, std::map<std::string, TypeSettings> types)
      : defaults_(std::move(defaults)), types_(std::move(types)) {}

  // Null for a type that no collector serves; such a job fails when it runs.
  const TypeSettings* Find(const std::string& entity_type) const {
    auto found = types_.find(entity_type);
    return found == types_.end() ? nullptr : &found->second;
  }
  // The type's settings, or the defaults.
  const TypeSettings& Get(const std::string& entity_type) const {
    const TypeSettings* type = Find(entity_type);
    return type ? *type : defaults_;
  }
  const TypeSettings& defaults() const { return defaults_; }
  const std::map<std::string, TypeSettings>& types() const { return types_; }

 private:
  TypeSettings defaults_;
  std::map<std::string, TypeSettings> types_;
};

}  // namespace forager
