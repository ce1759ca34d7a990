#include "supervisor/attempt_start.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "supervisor/keeper_protocol.h"

namespace forager::supervisor {
namespace {

// Of one variable or word: the kernel takes no longer one.
constexpr std::size_t kMaxVariableBytes = 128 * 1024;
// What each adds to a message and to the stack of a process, beside its characters.
constexpr std::size_t kPerWord = 8;

bool IsBuiltin(const AttemptSpec& spec) { return spec.collector != "command"; }

std::size_t Size(const std::vector<std::string>& words) {
  std::size_t size = 0;
  for (const std::string& word : words) size += word.size() + kPerWord;
  return size;
}

}  // namespace

bool MayNameFiles(const std::string& job_id) {
  constexpr std::size_t kMaxId = 200;
  bool known = job_id.find_first_not_of(
                   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                   "0123456789-_.") == job_id.npos;
  return known && !job_id.empty() && job_id.size() <= kMaxId && job_id[0] != '.';
}

std::string SettingsJson(const std::map<std::string, std::string>& settings) {
  boost::json::object object;
  for (const auto& [name, value] : settings) object[name] = value;
  return boost::json::serialize(object);
}

std::string InputOf(const AttemptSpec& spec, const std::string& settings_json) {
  if (!IsBuiltin(spec)) return spec.job_json + "\n";
  return fmt::format("{{\"job\":{},\"settings\":{}}}\n", spec.job_json, settings_json);
}

std::expected<Words, NotStarted> WordsOf(const AttemptSpec& spec) {
  if (IsBuiltin(spec)) return Words{};
  if (spec.command.empty()) return std::unexpected(NotStarted{"The command is empty", false});
  std::size_t size = Size(spec.command);
  if (size > kMaxCommandBytes) {
    return std::unexpected(NotStarted{
        fmt::format("The command is longer than {} KiB", kMaxCommandBytes / 1024), false});
  }
  Words words{spec.command, {}, false};
  for (const auto& [name, value] : spec.environment)
    words.environment.push_back(name + "=" + value);
  size += Size(words.environment);
  if (size > kMaxStartBytes || Size(words.environment) > kMaxEnvironmentBytes) {
    return std::unexpected(NotStarted{fmt::format("The environment of the command is longer than "
                                                  "{} KiB: set fewer variables in env and pass_env",
                                                  kMaxEnvironmentBytes / 1024),
                                      false});
  }
  std::string job = "FORAGER_JOB=" + spec.job_json;
  words.without_job = job.size() >= kMaxVariableBytes || size + job.size() > kMaxStartBytes;
  if (!words.without_job) words.environment.push_back(std::move(job));
  return words;
}

}  // namespace forager::supervisor
