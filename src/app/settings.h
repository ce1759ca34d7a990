// Every setting of the program, in one table: flag, environment variable, forager.toml, default, in
// that order. A wrong value is one line that names the setting, the value, its source and the
// range.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "alerts/config.h"
#include "api/control.h"
#include "job/error.h"
#include "job/type_catalog.h"

namespace forager::app {

struct Settings {
  std::string config_file;  // the one that was read; "" when there is none
  std::string listen;
  std::string data_dir;
  std::string database;
  bool automatic = false;
  int max_running = 1;
  int capacity = 0;
  int max_running_per_host = 0;
  std::int64_t max_pending = 0;
  bool monitor_enabled = true;
  Millis monitor_interval{};
  Millis lease{};
  Millis retention{};
  std::string log_file;
  bool log_json = false;
  std::vector<std::string> allow_private_hosts;
  Millis host_interval{};
  std::vector<std::string> allowed_hosts;
  std::string public_url;  // ends in no slash
  std::string user_agent;
  bool auth = true;
  bool metrics_on_loopback = false;
  std::string tls_certificate, tls_key;  // both or none
  bool self_test = false;
  std::string run_as;
  int max_connections = 0;
  int max_connections_per_address = 0;
  int max_event_streams = 0;
  int max_event_streams_per_caller = 0;
  std::vector<std::string> trusted_proxies;
  std::shared_ptr<const TypeCatalog> types;
  alerts::Config alerts;
  std::vector<api::SettingView>
      views;  // effective values and where each comes from, secrets hidden
  std::vector<std::string> warnings;  // sentences on what is allowed but will hardly do

  // The database may have other servers.
  bool shared() const { return !database.starts_with("sqlite:"); }
};

// What the command line and the environment say. Kept, to read the file again on SIGHUP.
struct SettingSources {
  std::map<std::string, std::string> flags;        // by setting name
  std::map<std::string, std::string> environment;  // FORAGER_*, ARTITEC_JOB_*, ANTHROPIC_API_KEY
};

// For the command line parser: one flag per setting.
struct SettingHelp {
  std::string name;  // snake_case; the flag is --kebab-case
  std::string help;
  std::string fallback;  // default, as text
  std::string environment;
  bool is_switch = false;  // may stand without a value: --self-test
};
std::vector<SettingHelp> AllSettings();
std::string FlagName(std::string setting);  // --kebab-case

// The variables of this process that are settings; one that is empty counts as unset.
std::map<std::string, std::string> ReadEnvironment();

// One sentence on what is wrong, or the settings.
Result<Settings> LoadSettings(const SettingSources& sources);

// What built-in collectors are told of them.
std::map<std::string, std::string> CollectorSettings(const Settings& settings);

}  // namespace forager::app
