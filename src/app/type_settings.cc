#include "app/type_settings.h"

#include <fmt/format.h>

#include "app/command_settings.h"
#include "app/setting_values.h"

namespace forager::app {
namespace {

using namespace std::chrono_literals;

struct Row {
  std::string_view name;
  std::string_view environment;
  std::string_view fallback;
  std::string_view help;
  std::function<std::string(std::string_view, TypeSettings&)> apply;
};

// Of every type; [defaults] sets them for all.
const std::vector<Row>& Limits() {
  static const std::vector<Row> kLimits = {
      {"timeout_minutes", "ARTITEC_JOB_TIMEOUT_MINUTES", "30", "minutes that one attempt may take",
       [](auto text, TypeSettings& t) {
         return Keep(ParseUnits(text, 0.01, 1'440, 1min), t.timeout);
       }},
      {"heartbeat_timeout", "FORAGER_HEARTBEAT_TIMEOUT", "30s",
       "an attempt hangs when nothing is heard for so long; a command that never spoke our protocol "
       "only if this is set",
       [](auto text, TypeSettings& t) {
         return Keep(ParseSpan(text, 100ms, 24h), t.heartbeat_timeout);
       }},
      {"stall_timeout", "FORAGER_STALL_TIMEOUT", "10m",
       "an attempt stalls when it makes no progress for so long",
       [](auto text, TypeSettings& t) {
         return Keep(ParseSpan(text, 100ms, 24h), t.stall_timeout);
       }},
      {"grace", "FORAGER_GRACE", "10s", "between SIGTERM and SIGKILL",
       [](auto text, TypeSettings& t) { return Keep(ParseSpan(text, 0ms, 5min), t.grace); }},
      {"max_attempts", "FORAGER_MAX_ATTEMPTS", "3", "tries of a job",
       [](auto text, TypeSettings& t) {
         return Keep(ParseWhole(text, 1, 25), t.retry.max_attempts);
       }},
      {"max_crashes", "FORAGER_MAX_CRASHES", "3", "crashes of a job, whatever max_attempts says",
       [](auto text, TypeSettings& t) {
         return Keep(ParseWhole(text, 1, 25), t.retry.max_crashes);
       }},
      {"backoff", "FORAGER_BACKOFF", "60s", "wait before the first retry; doubles, +-10%",
       [](auto text, TypeSettings& t) { return Keep(ParseSpan(text, 0ms, 24h), t.retry.backoff); }},
      {"memory", "FORAGER_MEMORY", "1GiB", "resident memory of one attempt's processes together",
       [](auto text, TypeSettings& t) {
         return Keep(ParseBytes(text, 16LL << 20, 1LL << 40), t.limits.memory_bytes);
       }},
      {"max_processes", "FORAGER_MAX_PROCESSES", "256",
       "processes of one attempt at a time; threads: 16 times as many",
       [](auto text, TypeSettings& t) {
         return Keep(ParseWhole(text, 1, 100'000), t.limits.max_processes);
       }},
      {"max_scratch", "FORAGER_MAX_SCRATCH", "1GiB", "disk space of one attempt's scratch directory",
       [](auto text, TypeSettings& t) {
         return Keep(ParseBytes(text, 1LL << 20, 1LL << 50), t.limits.scratch_bytes);
       }},
      {"priority", "FORAGER_PRIORITY", "5", "priority of jobs that name none, 0 to 10",
       [](auto text, TypeSettings& t) { return Keep(ParseWhole(text, 0, 10), t.priority); }},
      {"max_children", "FORAGER_MAX_CHILDREN", "10000", "child jobs that one attempt may submit",
       [](auto text, TypeSettings& t) {
         return Keep(ParseWhole(text, 0, 1'000'000), t.max_children);
       }},
  };
  return kLimits;
}

const Row* FindLimit(std::string_view key) {
  for (const Row& row : Limits()) {
    if (row.name == key) return &row;
  }
  return nullptr;
}

// A heartbeat limit that nobody chose rests for programs that know nothing of heartbeats.
void NoteChoice(std::string_view key, std::string_view source, TypeSettings& type) {
  if (key == "heartbeat_timeout") type.heartbeat_set = source != "default";
}

// A key that only a type has; nothing when there is no such key.
std::optional<std::string> ApplyOwn(const std::string& key, const FileValue& value,
                                    const std::string& base, TypeSettings& type) {
  if (key == "collector")
    return Keep(ParseChoice(value.text, {"web", "command", "selftest"}), type.collector);
  if (key == "max_running") return Keep(ParseWhole(value.text, 0, 10'000), type.max_running);
  return ApplyCommandKey(key, value, base, type);
}

// What only a command can heed is not said of a built-in collector.
Result<void> CheckCollector(const TypeSettings& type, const FileTable& table) {
  const std::string& name = type.entity_type;
  if ((type.collector == "command") == type.command.empty()) {
    const FileValue& where = table.at(table.contains("collector") ? "collector" : "command");
    return Fail(ErrorCode::kInvalid,
                fmt::format("types.{} ({}) is wrong: collector = \"command\" and command = "
                            "[\"PROGRAM\", ...] go together",
                            name, where.source));
  }
  if (type.collector == "command") return {};
  for (const char* key : {"directory", "env", "pass_env", "output"}) {
    auto found = table.find(key);
    if (found == table.end()) continue;
    return Fail(ErrorCode::kInvalid,
                fmt::format("types.{}.{} ({}) is wrong: only a command has one, and {} is collected "
                            "by the built-in collector \"{}\"",
                            name, key, found->second.source, name, type.collector));
  }
  return {};
}

Result<TypeSettings> ReadType(const std::string& name, const FileTable& table,
                              const TypeSettings& defaults, const std::string& base,
                              SettingsReport& report) {
  TypeSettings type = defaults;
  type.entity_type = name;
  for (const auto& [key, value] : table) {
    std::string setting = fmt::format("types.{}.{}", name, key);
    const Row* limit = FindLimit(key);
    auto right = limit ? limit->apply(value.text, type) : ApplyOwn(key, value, base, type);
    if (!right)
      return Fail(ErrorCode::kInvalid, fmt::format("{}: unknown key {}", value.source, setting));
    if (!right->empty()) return WrongValue(setting, value.text, value.source, *right);
    NoteChoice(key, value.source, type);
    report.views.push_back({setting, value.text, value.source});
  }
  if (type.collector.empty()) type.collector = type.command.empty() ? "web" : "command";
  if (auto right = CheckCollector(type, table); !right) return std::unexpected(right.error());
  for (std::string& warning : ResolveWords(type, base))
    report.warnings.push_back(std::move(warning));
  return type;
}

// The shipped types under the user's: a user's collector puts a shipped command aside, and the
// other way round.
std::map<std::string, FileTable> Merge(std::map<std::string, FileTable> types,
                                       const ConfigFile& file) {
  for (const auto& [name, table] : file.types) {
    FileTable& merged = types[name];
    if (table.contains("command") && !table.contains("collector")) merged.erase("collector");
    for (const auto& [key, value] : table) merged.insert_or_assign(key, value);
  }
  return types;
}

}  // namespace

std::unexpected<Error> WrongValue(std::string_view name, std::string_view value,
                                  std::string_view source, std::string_view right) {
  return Fail(ErrorCode::kInvalid,
              fmt::format("{} = \"{}\" ({}) is wrong: it must be {}", name, value, source, right));
}

std::vector<SettingHelp> DefaultsHelp() {
  std::vector<SettingHelp> all;
  for (const Row& row : Limits()) {
    all.push_back({std::string(row.name), std::string(row.help), std::string(row.fallback),
                   std::string(row.environment), false});
  }
  return all;
}

Result<std::shared_ptr<const TypeCatalog>> MakeCatalog(std::string_view shipped,
                                                       const ConfigFile& file,
                                                       const ChooseDefault& choose, bool self_test,
                                                       const std::string& base,
                                                       SettingsReport& report) {
  TypeSettings defaults;
  for (const Row& row : Limits()) {
    auto [text, source] = choose(row.name, row.environment, row.fallback);
    if (std::string right = row.apply(text, defaults); !right.empty())
      return WrongValue(row.name, text, source, right);
    NoteChoice(row.name, source, defaults);
    report.views.push_back({fmt::format("defaults.{}", row.name), text, source});
  }
  for (const auto& [key, value] : file.defaults) {
    if (!FindLimit(key))
      return Fail(ErrorCode::kInvalid,
                  fmt::format("{}: unknown key defaults.{}", value.source, key));
  }
  auto builtin = ParseConfig(shipped, "default");
  if (!builtin) return std::unexpected(builtin.error());
  for (auto& [name, table] : builtin->types) {
    for (auto& [key, value] : table) value.source = "default";
  }
  if (self_test) {
    FileValue& collector = builtin->types["selftest"]["collector"];
    collector.text = "selftest";
    collector.source = "self_test";
  }
  std::map<std::string, TypeSettings> types;
  for (const auto& [name, table] : Merge(std::move(builtin->types), file)) {
    auto type = ReadType(name, table, defaults, base, report);
    if (!type) return std::unexpected(type.error());
    types.emplace(name, std::move(*type));
  }
  return std::make_shared<const TypeCatalog>(std::move(defaults), std::move(types));
}

}  // namespace forager::app
