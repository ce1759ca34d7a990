#include "supervisor/attempt_start.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <filesystem>

#include "supervisor/keeper_protocol.h"

namespace forager::supervisor {
namespace {

bool IsBuiltin(const AttemptSpec& spec) { return spec.collector != "command"; }

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

std::expected<std::vector<std::string>, NotStarted> CommandOf(const AttemptSpec& spec) {
  std::size_t size = 0;
  for (const std::string& word : spec.command) size += word.size();
  if (size > kMaxCommandBytes) {
    return std::unexpected(NotStarted{"The command is longer than 64 KiB", false});
  }
  if (IsBuiltin(spec)) return {};
  if (spec.command.empty()) return std::unexpected(NotStarted{"The command is empty", false});
  std::vector<std::string> command = spec.command;
  // It runs in a directory of its own: files named relative to ours are named in full.
  for (std::string& word : command) {
    std::error_code error;
    bool file = !word.starts_with('/') && !word.starts_with('-') &&
                std::filesystem::is_regular_file(word, error);
    if (file && (&word != &command.front() || word.find('/') != std::string::npos)) {
      word = std::filesystem::absolute(word, error).lexically_normal().string();
    }
  }
  return command;
}

}  // namespace forager::supervisor
