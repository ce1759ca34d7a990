#include "app/commands.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <system_error>

#include "app/config_file.h"
#include "app/machine.h"
#include "app/server.h"
#include "cli/session.h"
#include "collectors/extract.h"
#include "collectors/robots.h"
#include "collectors/url.h"
#include "os/child_process.h"
#include "os/visible_text.h"
#include "supervisor/supervisor.h"
#include "worker/worker.h"

namespace forager::app {
namespace {

constexpr std::size_t kMaxFile = 16 << 20;

// One flag per setting, and --config.
void AddSettings(CLI::App& command, SettingSources& sources) {
  auto keep = [&sources](const std::string& name) {
    return [&sources, name](const std::string& value) { sources.flags[name] = value; };
  };
  command
      .add_option_function<std::string>(
          "--config", keep("config"), "configuration file (FORAGER_CONFIG; DATA_DIR/forager.toml)")
      ->option_text("FILE");
  for (const SettingHelp& setting : AllSettings()) {
    std::string help =
        fmt::format("{} [{}; {}]", setting.help, setting.fallback, setting.environment);
    auto* option =
        command.add_option_function<std::string>(FlagName(setting.name), keep(setting.name), help);
    option->option_text(setting.is_switch ? "[on|off]" : "VALUE");
    if (setting.is_switch) option->expected(0, 1)->default_str("on");
    // A switch without its value is on.
    if (setting.is_switch) option->each([](const std::string&) {});
  }
}

// Lines of JSON, or of plain words.
int Answer(const Result<std::string>& text) {
  if (!text) return Refuse(text.error().detail);
  std::string_view left = *text;
  while (!left.empty()) {
    auto end = std::min(left.find('\n'), left.size());
    std::puts(os::VisibleJson(left.substr(0, end)).c_str());
    left.remove_prefix(std::min(end + 1, left.size()));
  }
  return 0;
}

int CheckRobots(const std::string& file, const std::string& agent, const std::string& url) {
  auto text = ReadWholeFile(file, kMaxFile);
  if (!text) return Refuse(text.error().detail);
  auto allowed = collectors::RobotsAllow(*text, agent, url);
  if (!allowed) return Refuse(allowed.error().detail);
  std::puts(*allowed ? "allowed" : "disallowed");
  return *allowed ? 0 : 1;
}

int Extract(const SettingSources& sources, const std::string& what, const std::string& type) {
  if (!what.starts_with("http://") && !what.starts_with("https://")) {
    auto html = ReadWholeFile(what, kMaxFile);
    if (!html) return Refuse(html.error().detail);
    return Answer(collectors::ExtractFromHtml(*html, "http://localhost/", type));
  }
  auto settings = LoadSettings(sources);
  if (!settings) return Refuse(settings.error().detail);
  return Answer(collectors::ExtractFromUrl(what, type, CollectorSettings(*settings)));
}

struct CommandLine {
  SettingSources sources;
  DemoOptions demo;
  std::string robots_file, user_agent, url, page, type;
  std::string backup_file;
  bool force = false;
  MigrateOptions migrate;
  cli::Session session;
  std::function<int()>& run = session.run;
};

void AddDemo(CLI::App& app, CommandLine& line) {
  auto* demo = app.add_subcommand(
      "demo", "six jobs on a sample site, some of them sabotaged: see how none gets stuck");
  demo->add_option("URL", line.demo.url, "collect this page instead");
  demo->add_option("--type", line.demo.entity_type, "its entity type")->capture_default_str();
  demo->add_flag("--once", line.demo.once,
                 "do not keep serving; exit 0 only if every job ended as it must");
  AddSettings(*demo, line.sources);
  demo->group("Begin");
  demo->callback([&line] { line.run = [&line] { return Demo(line.sources, line.demo); }; });
}

void AddServing(CLI::App& app, CommandLine& line) {
  auto* serve = app.add_subcommand("serve", "run the server");
  AddSettings(*serve, line.sources);
  serve->group("Begin");
  serve->callback([&line] { line.run = [&line] { return Serve(line.sources); }; });
  AddDemo(app, line);
  auto* config =
      app.add_subcommand("config", "print every setting, its value and where it comes from");
  AddSettings(*config, line.sources);
  config->group("Begin");
  config->callback([&line] { line.run = [&line] { return PrintConfig(line.sources); }; });
}

void AddBackup(CLI::App& app, CommandLine& line) {
  auto* backup = app.add_subcommand(
      "backup", "copy the database to one checked file, while the server goes on");
  backup->add_option("FILE", line.backup_file)->required();
  backup->add_flag("--force", line.force, "replace FILE if it is there");
  AddSettings(*backup, line.sources);
  backup->group("Tools");
  backup->callback([&line] {
    line.run = [&line] { return BackUp(line.sources, line.backup_file, line.force); };
  });
  auto* restore = app.add_subcommand(
      "restore", "put a backup in the database's place; the server must not run");
  restore->add_option("FILE", line.backup_file, "made by `forager backup`")->required();
  AddSettings(*restore, line.sources);
  restore->group("Tools");
  restore->callback(
      [&line] { line.run = [&line] { return Restore(line.sources, line.backup_file); }; });
}

void AddMigrate(CLI::App& app, CommandLine& line) {
  MigrateOptions& options = line.migrate;
  auto* migrate = app.add_subcommand(
      "migrate", "move everything from SQLite to PostgreSQL, or back; no server may run");
  migrate->add_option("--from", options.from, "sqlite:PATH or postgres://...")
      ->required()
      ->option_text("DATABASE");
  migrate->add_option("--to", options.to, "the other kind; empty, or the target of a migration that was ended")
      ->required()
      ->option_text("DATABASE");
  auto* dry = migrate->add_flag("--dry-run", options.dry_run, "say what would be moved; write nothing");
  auto* verify = migrate->add_flag("--verify-only", options.verify_only, "compare both; write nothing");
  migrate->add_flag("--restart", options.restart, "throw away what an unfinished migration has moved")
      ->excludes(dry)
      ->excludes(verify);
  migrate->add_flag("--accept-losses", options.accept_losses,
                    "finish although rows differ or could not be moved");
  dry->excludes(verify);
  migrate->group("Tools");
  migrate->callback([&line] { line.run = [&line] { return Migrate(line.migrate); }; });
}

void AddLookups(CLI::App& app, CommandLine& line) {
  auto* extract =
      app.add_subcommand("extract", "print the records that the collectors see in a page");
  extract->add_option("PAGE", line.page, "a file or a URL")->required();
  extract->add_option("--type", line.type, "only this entity type");
  AddSettings(*extract, line.sources);
  extract->group("Tools");
  extract->callback(
      [&line] { line.run = [&line] { return Extract(line.sources, line.page, line.type); }; });

  auto* robots = app.add_subcommand("robots", "ask a robots.txt");
  robots->group("Tools");
  robots->require_subcommand(1);
  auto* check = robots->add_subcommand("check", "may this URL be fetched? exit 0: allowed, 1: not");
  check->add_option("ROBOTS_FILE", line.robots_file)->required();
  check->add_option("USER_AGENT", line.user_agent)->required();
  check->add_option("URL", line.url)->required();
  check->callback([&line] {
    line.run = [&line] { return CheckRobots(line.robots_file, line.user_agent, line.url); };
  });

  auto* url = app.add_subcommand("url", "look at a URL");
  url->group("Tools");
  url->require_subcommand(1);
  auto* normalise =
      url->add_subcommand("normalise", "print the one form under which a page is known");
  normalise->add_option("URL", line.url)->required();
  normalise->callback(
      [&line] { line.run = [&line] { return Answer(collectors::NormaliseUrl(line.url)); }; });
}

}  // namespace

int Complain(const std::string& what) {
  std::fprintf(stderr, "forager: %s\n", os::Visible(what).c_str());
  return 1;
}

int Refuse(const std::string& what) {
  Complain(what);
  return 2;
}

int PrintConfig(const SettingSources& sources) {
  auto settings = LoadSettings(sources);
  if (!settings) return Refuse(settings.error().detail);
  std::map<std::string, std::string> environment;
  for (const SettingHelp& help : AllSettings()) environment[help.name] = help.environment;
  fmt::print("{:<34} {:<28} {:<40} {}\n", "SETTING", "VALUE", "SOURCE", "ENVIRONMENT");
  for (const api::SettingView& view : settings->views) {
    std::string name = view.name.starts_with("defaults.") ? view.name.substr(9) : view.name;
    fmt::print("{:<34} {:<28} {:<40} {}\n", view.name,
               view.value.empty() ? "\"\"" : os::Visible(view.value), os::Visible(view.source),
               environment[name]);
  }
  for (const std::string& warning : settings->warnings)
    std::fprintf(stderr, "forager: %s\n", warning.c_str());
  return 0;
}

int Main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "keeper") {
    return supervisor::KeeperMain(argc - 1, argv + 1, {worker::Warm, worker::RunAttempt});
  }
  CommandLine line;
  line.sources.environment = ReadEnvironment();
  line.session.version = kVersion;
  line.session.environment = line.sources.environment;
  line.session.machine = MakeMachine(line.sources);
  CLI::App app("forager: collection jobs that cannot get stuck", "forager");
  app.set_version_flag("--version", std::string("forager ") + kVersion, "show the version");
  app.require_subcommand(1);
  cli::Prepare(app);
  AddServing(app, line);
  cli::AddCommands(app, line.session);
  AddBackup(app, line);
  AddMigrate(app, line);
  AddLookups(app, line);
  app.footer("Start with `forager demo`, or `forager serve` and the link that it prints.");
  try {
    return cli::ParseAndRun(app, argc, argv, line.session);
  } catch (const std::system_error& error) {  // of the first threads, pipes and timers
    if (!os::IsShortage(error.code().value())) throw;
    return Refuse(fmt::format("it cannot run here: {}", os::ErrorWords(error.code().value())));
  }
}

}  // namespace forager::app
