#include "app/machine.h"

#include <filesystem>

#include "os/proc_files.h"
#include "store/database_look.h"
#include "supervisor/capacity.h"
#include "supervisor/leftovers.h"
#include "supervisor/supervisor.h"

namespace forager::app {
namespace {

using namespace std::chrono_literals;

constexpr Millis kQuickLook{20'000};
constexpr Millis kThoroughLook{600'000};
constexpr std::string_view kSqlite = "sqlite:";

Result<cli::LocalSettings> ReadSettings(SettingSources sources, const std::string& data_dir,
                                        const std::string& config) {
  if (!data_dir.empty()) sources.flags["data_dir"] = data_dir;
  if (!config.empty()) sources.flags["config"] = config;
  auto settings = LoadSettings(sources);
  if (!settings) return std::unexpected(settings.error());
  cli::LocalSettings local;
  local.config_file = settings->config_file;
  local.data_dir = settings->data_dir;
  local.database = settings->database;
  if (settings->database.starts_with(kSqlite)) {
    std::string given = settings->database.substr(kSqlite.size());
    local.database_file = given.empty() ? settings->data_dir + "/forager.db" : given;
  }
  local.log_file = settings->log_file;
  local.listen = settings->listen;
  local.run_as = settings->run_as;
  local.max_running = settings->max_running;
  local.max_connections = settings->max_connections;
  for (const auto& [name, type] : settings->types->types()) {
    if (!type.command.empty()) local.commands.emplace_back(name, type.command.front());
  }
  return local;
}

Result<cli::DatabaseReport> Look(const cli::LocalSettings& settings, bool thorough) {
  auto look = settings.database_file.empty()
                  ? store::LookAtPostgres(settings.database)
                  : store::LookAtSqlite(settings.database_file, thorough,
                                        thorough ? kThoroughLook : kQuickLook);
  if (!look) return std::unexpected(look.error());
  cli::DatabaseReport report{look->damage,        look->complete, look->schema_version,
                             look->known_version, look->newest,   {}};
  for (const store::RunningLook& one : look->running)
    report.running.push_back({one.job_id, one.attempt, one.claimed, one.started_at, one.pid});
  return report;
}

std::vector<int> AttemptProcesses(const std::string& data_dir) {
  std::error_code error;
  std::string path = std::filesystem::canonical(data_dir, error).string();
  if (error) return {};
  return os::FindByEnvironment(supervisor::LeftoverMarker(path) + '\0');
}

std::vector<cli::Ceiling> Ceilings(int server_pid, int max_connections) {
  std::vector<cli::Ceiling> ceilings;
  for (auto& [limit, attempts, advice] : supervisor::Ceilings(server_pid, max_connections))
    ceilings.push_back({limit, attempts, advice});
  return ceilings;
}

}  // namespace

cli::Machine MakeMachine(const SettingSources& sources) {
  cli::Machine machine;
  machine.settings = [&sources](const std::string& data_dir, const std::string& config) {
    return ReadSettings(sources, data_dir, config);
  };
  machine.look_at_database = Look;
  machine.sandbox = supervisor::ProbeSandbox;
  machine.attempt_processes = AttemptProcesses;
  machine.ceilings = Ceilings;
  return machine;
}

}  // namespace forager::app
