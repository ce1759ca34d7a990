#include "app/settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <filesystem>
#include <functional>

#include "app/DefaultTypes.h"
#include "app/alert_settings.h"
#include "app/config_file.h"
#include "app/public_url.h"
#include "app/setting_values.h"
#include "app/type_settings.h"
#include "http/address.h"
#include "job/plain_text.h"
#include "store/postgres_url.h"

namespace forager::app {
namespace {

using namespace std::chrono_literals;

struct Row {
  std::string_view name;
  std::string_view environment;
  std::string_view fallback;
  std::string_view help;
  std::function<std::string(std::string_view, Settings&)> apply;  // "" or what would be right
  bool is_switch = false;
};

constexpr Millis kShortestSharedLease{10'000};

std::string KeepListen(std::string_view text, Settings& s) {
  auto colon = text.rfind(':');
  bool good =
      colon != std::string_view::npos && colon > 0 && ParseWhole(text.substr(colon + 1), 0, 65'535);
  if (!good) return "HOST:PORT with a port from 0 to 65535";
  s.listen = text;
  return "";
}

std::string KeepDatabase(std::string_view text, Settings& s) {
  std::string right = "sqlite:, sqlite:PATH or postgres://USER@HOST/DATABASE";
  if (text.starts_with("postgres://") || text.starts_with("postgresql://")) {
    std::string wrong = store::CheckPostgresUrl(std::string(text));
    if (!wrong.empty()) return fmt::format("{} ({})", right, wrong);
  } else if (!text.starts_with("sqlite:")) {
    return right;
  }
  s.database = text;
  return "";
}

std::string KeepHosts(std::string_view text, std::vector<std::string>& hosts) {
  hosts = ParseList(text);
  for (std::string& host : hosts) {
    if (host.find_first_of("/ @") != std::string::npos)
      return "a list of host or host:port, separated by commas";
    for (char& c : host) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  }
  return "";
}

std::string KeepAddresses(std::string_view text, std::vector<std::string>& addresses) {
  addresses = ParseList(text);
  bool good = std::ranges::all_of(addresses, http::IsAddress);
  return good ? "" : "a list of IP addresses, separated by commas";
}

std::string KeepPublicUrl(std::string_view text, Settings& s) {
  if (text.ends_with('/')) text.remove_suffix(1);
  if (!text.empty() && !IsPublicUrl(text))
    return "an http or https URL of a host, such as https://forager.example, or of a path on it, "
           "such as https://tools.example/forager, which is none of forager's own";
  s.public_url = text;
  return "";
}

std::string KeepAgent(std::string_view text, Settings& s) {
  if (text.empty() || text.find_first_of("\r\n") != std::string_view::npos)
    return "one line of text";
  s.user_agent = text;
  return "";
}

// Keeps one of two words as a bool: true for `yes`.
std::string KeepEither(std::string_view text, const std::string& no, const std::string& yes,
                       bool& member) {
  auto choice = ParseChoice(text, {no, yes});
  if (!choice) return choice.error();
  member = *choice == yes;
  return "";
}

std::string KeepText(std::string_view text, std::string& member) {
  member = text;
  return "";
}

const std::vector<Row>& Table() {
  static const std::vector<Row> kTable = {
      {"listen", "FORAGER_LISTEN", "127.0.0.1:8080", "address to serve on; port 0 picks one",
       KeepListen},
      {"data_dir", "FORAGER_DATA_DIR", "./forager-data", "where everything is kept",
       [](auto text, Settings& s) {
         return text.empty() ? "a directory" : KeepText(text, s.data_dir);
       }},
      {"database", "FORAGER_DATABASE", "sqlite:",
       "sqlite: (in the data directory), sqlite:PATH, or postgres://... for several servers",
       KeepDatabase},
      {"dispatch", "FORAGER_DISPATCH", "on_request",
       "on_request: jobs start when asked to; automatic: by themselves",
       [](auto text, Settings& s) {
         return KeepEither(text, "on_request", "automatic", s.automatic);
       }},
      {"max_running", "FORAGER_MAX_RUNNING", "1", "jobs that run at a time",
       [](auto text, Settings& s) { return Keep(ParseWhole(text, 1, 10'000), s.max_running); }},
      {"capacity", "FORAGER_CAPACITY", "0",
       "jobs that run at a time on this server, of several; 0: as many as max_running",
       [](auto text, Settings& s) { return Keep(ParseWhole(text, 0, 10'000), s.capacity); }},
      {"max_running_per_host", "FORAGER_MAX_RUNNING_PER_HOST", "0",
       "jobs that run at a time on one host; 0: no limit",
       [](auto text, Settings& s) {
         return Keep(ParseWhole(text, 0, 10'000), s.max_running_per_host);
       }},
      {"max_pending", "FORAGER_MAX_PENDING", "20000000", "pending jobs; more are answered 503",
       [](auto text, Settings& s) {
         return Keep(ParseWhole(text, 1, 1'000'000'000), s.max_pending);
       }},
      {"monitor_enabled", "ARTITEC_JOB_MONITOR_ENABLED", "1", "look for stuck jobs",
       [](auto text, Settings& s) { return Keep(ParseSwitch(text), s.monitor_enabled); }},
      {"monitor_interval", "ARTITEC_JOB_MONITOR_INTERVAL", "300", "seconds between two looks",
       [](auto text, Settings& s) {
         return Keep(ParseUnits(text, 0.1, 86'400, 1s), s.monitor_interval);
       }},
      {"lease", "FORAGER_LEASE", "15s", "how long a claim holds without being renewed",
       [](auto text, Settings& s) { return Keep(ParseSpan(text, 3s, 10min), s.lease); }},
      {"retention_days", "FORAGER_RETENTION_DAYS", "30",
       "days that finished jobs are kept; 0: for ever",
       [](auto text, Settings& s) { return Keep(ParseUnits(text, 0, 36'500, 24h), s.retention); }},
      {"log_file", "FORAGER_LOG_FILE", "",
       "log file; when not given, logs/app.log in the data directory",
       [](auto text, Settings& s) { return KeepText(text, s.log_file); }},
      {"log_format", "FORAGER_LOG_FORMAT", "text", "text or json",
       [](auto text, Settings& s) { return KeepEither(text, "text", "json", s.log_json); }},
      {"allow_private_hosts", "FORAGER_ALLOW_PRIVATE_HOSTS", "",
       "private hosts that may be fetched: host[:port],...",
       [](auto text, Settings& s) { return KeepHosts(text, s.allow_private_hosts); }},
      {"host_interval", "FORAGER_HOST_INTERVAL", "1s",
       "between two requests to one web host, of all jobs and servers; 0s: no gap of our own",
       [](auto text, Settings& s) { return Keep(ParseSpan(text, 0s, 1min), s.host_interval); }},
      {"allowed_hosts", "FORAGER_ALLOWED_HOSTS", "",
       "further names this server may be called by (Host header)",
       [](auto text, Settings& s) { return KeepHosts(text, s.allowed_hosts); }},
      {"public_url", "FORAGER_PUBLIC_URL", "",
       "the address users type, when it is not the listen address", KeepPublicUrl},
      {"user_agent", "FORAGER_USER_AGENT", "forager/0.1",
       "how collectors call themselves; say how to reach you", KeepAgent},
      {"auth", "FORAGER_AUTH", "on", "off: everybody is admin; only on a loopback address",
       [](auto text, Settings& s) { return Keep(ParseSwitch(text), s.auth); }},
      {"tls_certificate", "FORAGER_TLS_CERTIFICATE", "",
       "certificate chain (PEM): serve HTTPS; read again on SIGHUP",
       [](auto text, Settings& s) { return KeepText(text, s.tls_certificate); }},
      {"tls_key", "FORAGER_TLS_KEY", "", "its private key (PEM)",
       [](auto text, Settings& s) { return KeepText(text, s.tls_key); }},
      {"metrics_on_loopback", "FORAGER_METRICS_ON_LOOPBACK", "off",
       "/metrics needs no token when asked from this machine",
       [](auto text, Settings& s) { return Keep(ParseSwitch(text), s.metrics_on_loopback); }, true},
      {"self_test", "FORAGER_SELF_TEST", "off",
       "serve the entity type selftest, whose jobs fail in every way",
       [](auto text, Settings& s) { return Keep(ParseSwitch(text), s.self_test); }, true},
      {"run_as", "FORAGER_RUN_AS", "nobody",
       "user that attempts run as when the server is root; empty: root too",
       [](auto text, Settings& s) { return KeepText(text, s.run_as); }},
      {"max_connections", "FORAGER_MAX_CONNECTIONS", "3000",
       "open connections; more are answered 503",
       [](auto text, Settings& s) {
         return Keep(ParseWhole(text, 1, 100'000), s.max_connections);
       }},
      {"max_connections_per_address", "FORAGER_MAX_CONNECTIONS_PER_ADDRESS", "2000",
       "of one address (IPv6: of one /64); more are answered 503",
       [](auto text, Settings& s) {
         return Keep(ParseWhole(text, 1, 100'000), s.max_connections_per_address);
       }},
      {"max_event_streams", "FORAGER_MAX_EVENT_STREAMS", "2000",
       "readers of GET /events; more are answered 503",
       [](auto text, Settings& s) {
         return Keep(ParseWhole(text, 1, 100'000), s.max_event_streams);
       }},
      {"max_event_streams_per_caller", "FORAGER_MAX_EVENT_STREAMS_PER_CALLER", "1000",
       "with one token or session, or from one address; more are answered 429",
       [](auto text, Settings& s) {
         return Keep(ParseWhole(text, 1, 100'000), s.max_event_streams_per_caller);
       }},
      {"trusted_proxies", "FORAGER_TRUSTED_PROXIES", "",
       "addresses of proxies whose X-Forwarded-For tells the client's address",
       [](auto text, Settings& s) { return KeepAddresses(text, s.trusted_proxies); }},
  };
  return kTable;
}

bool IsLoopback(std::string_view listen) {
  std::string_view host = listen.substr(0, listen.rfind(':'));
  bool numbers =
      host.find_first_not_of("0123456789.") == host.npos;  // not a name such as 127.example
  return host == "localhost" || host == "[::1]" || (numbers && host.starts_with("127."));
}

struct Chosen {
  std::string text;
  std::string source;
};

// Flag, environment, file, default.
Chosen Choose(std::string_view name, std::string_view environment, std::string_view fallback,
              const SettingSources& sources, const FileTable& file) {
  std::string key(name);
  if (auto flag = sources.flags.find(key); flag != sources.flags.end())
    return {flag->second, "flag " + FlagName(key)};
  if (auto variable = sources.environment.find(std::string(environment));
      variable != sources.environment.end()) {
    return {variable->second, "environment " + variable->first};
  }
  if (auto value = file.find(key); value != file.end())
    return {value->second.text, value->second.source};
  return {std::string(fallback), "default"};
}

// --config FILE, FORAGER_CONFIG, or DATA_DIR/forager.toml when it is there.
Result<ConfigFile> FindAndParse(const SettingSources& sources, std::string& path) {
  Chosen config = Choose("config", "FORAGER_CONFIG", "", sources, {});
  path = config.text;
  if (path.empty()) {
    path = Choose("data_dir", "FORAGER_DATA_DIR", "./forager-data", sources, {}).text +
           "/forager.toml";
    std::error_code error;
    if (!std::filesystem::exists(path, error)) {
      path.clear();
      return ConfigFile{};
    }
  }
  auto text = ReadWholeFile(path, 4 << 20);
  if (text) text = PlainText(std::move(*text), path);
  if (!text) {
    return Fail(ErrorCode::kInvalid, fmt::format("config = \"{}\" ({}) is wrong: {}", path,
                                                 config.source, text.error().detail));
  }
  return ParseConfig(*text, path);
}

Result<void> CheckKeys(const ConfigFile& file) {
  for (const auto& [key, value] : file.top) {
    if (std::ranges::any_of(Table(), [&](const Row& row) { return row.name == key; })) continue;
    return Fail(ErrorCode::kInvalid,
                fmt::format("{}: unknown key {}; `forager config` lists the known ones",
                            value.source, key));
  }
  return {};
}

}  // namespace

std::string FlagName(std::string setting) {
  for (char& c : setting) c = c == '_' ? '-' : c;
  return "--" + setting;
}

std::vector<SettingHelp> AllSettings() {
  std::vector<SettingHelp> all;
  for (const Row& row : Table()) {
    all.push_back({std::string(row.name), std::string(row.help), std::string(row.fallback),
                   std::string(row.environment), row.is_switch});
  }
  for (SettingHelp& help : DefaultsHelp()) all.push_back(std::move(help));
  return all;
}

std::map<std::string, std::string> ReadEnvironment() {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    std::string_view text(*entry);
    auto equals = text.find('=');
    bool ours = text.starts_with("FORAGER_") || text.starts_with("ARTITEC_JOB_") ||
                text.starts_with("ANTHROPIC_API_KEY=");
    if (!ours || equals == std::string_view::npos) continue;
    // From a secret's file a value ends with a line end; an empty one is one that was unset.
    std::string value = OneValue(text.substr(equals + 1));
    if (!value.empty()) variables.emplace(text.substr(0, equals), std::move(value));
  }
  return variables;
}

Result<Settings> LoadSettings(const SettingSources& sources) {
  Settings settings;
  auto file = FindAndParse(sources, settings.config_file);
  if (!file) return std::unexpected(file.error());
  if (auto known = CheckKeys(*file); !known) return std::unexpected(known.error());
  for (const Row& row : Table()) {
    Chosen chosen = Choose(row.name, row.environment, row.fallback, sources, file->top);
    if (std::string right = row.apply(chosen.text, settings); !right.empty()) {
      return WrongValue(row.name, WithoutSecrets(chosen.text), chosen.source, right);
    }
    settings.views.push_back({std::string(row.name), WithoutSecrets(chosen.text), chosen.source});
  }
  auto choose_default = [&](std::string_view name, std::string_view environment,
                            std::string_view fallback) {
    Chosen chosen = Choose(name, environment, fallback, sources, file->defaults);
    return std::pair(chosen.text, chosen.source);
  };
  std::string base = std::filesystem::path(settings.config_file).parent_path().string();
  SettingsReport report{settings.views, settings.warnings};
  auto catalog =
      MakeCatalog(kDefaultTypes, *file, choose_default, settings.self_test, base, report);
  if (!catalog) return std::unexpected(catalog.error());
  settings.types = *catalog;
  auto alerts = ReadAlerts(*file, settings.views);
  if (!alerts) return std::unexpected(alerts.error());
  settings.alerts = std::move(*alerts);
  if (settings.log_file.empty()) settings.log_file = settings.data_dir + "/logs/app.log";
  if (!settings.auth && !IsLoopback(settings.listen)) {
    return Fail(ErrorCode::kInvalid, fmt::format("auth = \"off\" is refused with listen = \"{}\": "
                                                 "without access control the address must be "
                                                 "loopback, such as 127.0.0.1:8080",
                                                 settings.listen));
  }
  if (settings.tls_certificate.empty() != settings.tls_key.empty()) {
    bool key = settings.tls_key.empty();
    return Fail(ErrorCode::kInvalid, fmt::format("{} is set and {} is not: HTTPS needs both",
                                                 key ? "tls_certificate" : "tls_key",
                                                 key ? "tls_key" : "tls_certificate"));
  }
  if (settings.shared() && settings.lease < kShortestSharedLease) {
    return Fail(ErrorCode::kInvalid,
                fmt::format("lease = \"{}\" is too short with a PostgreSQL database: at least {}, "
                            "since attempts end 5 s before their lease",
                            FormatDuration(settings.lease), FormatDuration(kShortestSharedLease)));
  }
  return settings;
}

std::map<std::string, std::string> CollectorSettings(const Settings& settings) {
  return {{"user_agent", settings.user_agent},
          {"allow_private_hosts", fmt::format("{}", fmt::join(settings.allow_private_hosts, ","))},
          {"host_interval_ms", fmt::format("{}", settings.host_interval.count())}};
}

}  // namespace forager::app
