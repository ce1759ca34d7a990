#include "cli/tree.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstring>

#include "cli/help.h"
#include "cli/text.h"
#include "os/signals.h"

namespace forager::cli {
namespace {

Format FormatOf(const std::string& name) {
  if (name == "json") return Format::kJson;
  if (name == "jsonl") return Format::kJsonLines;
  return name == "csv" ? Format::kCsv : Format::kTable;
}

void SetUp(Client& client, const Session& session) {
  client.environment = ReadTerminalEnvironment();
  client.format = FormatOf(session.output);
  client.style = Style::For(1, session.color, client.environment);
  client.error_style = Style::For(2, session.color, client.environment);
  client.out_is_terminal = IsTerminal(1);
  client.error_is_terminal = IsTerminal(2);
  client.utf8 = SpeaksUtf8(client.environment);
  client.screen = TerminalSize(client.out_is_terminal ? 1 : 2);
}

// The only place that catches: a closed pipe ends the command, whatever it was doing.
int Run(const Session& session, const Handler& handler, bool needs_server) {
  os::IgnoreWriteSignals();
  auto server = FindServer(session.url, session.data_dir, session.environment);
  if (!server && needs_server) {
    std::string folder = FindDataDir(session.data_dir, session.environment);
    return Complain(
        server.error().detail,
        fmt::format("start one with `forager serve --data-dir {}`, name its folder with "
                    "--data-dir, or set FORAGER_URL and FORAGER_TOKEN",
                    folder),
        kNoServer);
  }
  Connection none;
  none.data_dir = FindDataDir(session.data_dir, session.environment);
  Client client(server ? std::move(*server) : std::move(none));
  SetUp(client, session);
  try {
    int code = handler(client);
    client.out.Flush();
    return code;
  } catch (const BrokenOutput& broken) {
    if (broken.error == EPIPE) return kPipeClosed;
    return Complain(fmt::format("the output cannot be written: {}", std::strerror(broken.error)),
                    "make room, or write elsewhere", kRefused);
  }
}

CLI::App& AddNode(CLI::App& parent, const Words& words) {
  CLI::App* command = parent.add_subcommand(words.name, words.summary);
  command->footer(JoinFooter(words.details, words.examples));
  return *command;
}

CLI::App& AddRunnable(CLI::App& parent, Session& session, const Words& words, Handler handler,
                      bool needs_server) {
  CLI::App& command = AddNode(parent, words);
  constexpr const char* kGroup = "Server and output";
  command.add_option("-o,--output", session.output, "table, json, jsonl or csv [table]")
      ->check(CLI::IsMember({"table", "json", "jsonl", "csv"}))
      ->option_text("FORMAT")
      ->group(kGroup);
  command.add_option("--color", session.color, "auto, always or never [auto; NO_COLOR]")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->option_text("WHEN")
      ->group(kGroup);
  command.add_option("--url", session.url, "address of the server [FORAGER_URL]")
      ->option_text("URL")
      ->group(kGroup);
  command
      .add_option("--data-dir", session.data_dir,
                  "data directory of the server [FORAGER_DATA_DIR; ./forager-data]")
      ->option_text("DIR")
      ->group(kGroup);
  command.callback([&session, handler = std::move(handler), needs_server] {
    session.run = [&session, handler, needs_server] { return Run(session, handler, needs_server); };
  });
  return command;
}

}  // namespace

CLI::App& AddGroup(CLI::App& parent, const Words& words) {
  CLI::App& group = AddNode(parent, words);
  group.require_subcommand(1);
  return group;
}

CLI::App& AddCommand(CLI::App& parent, Session& session, const Words& words, Handler handler) {
  return AddRunnable(parent, session, words, std::move(handler), true);
}

CLI::App& AddLocalCommand(CLI::App& parent, Session& session, const Words& words, Handler handler) {
  return AddRunnable(parent, session, words, std::move(handler), false);
}

void AddOption(CLI::App& command, const std::string& names, std::string& value,
               const std::string& value_name, const std::string& help) {
  command.add_option(names, value, help)->option_text(value_name);
}

void AddOption(CLI::App& command, const std::string& names, std::int64_t& value,
               const std::string& value_name, const std::string& help) {
  auto check = [](const std::string& text) -> std::string {
    bool good =
        !text.empty() && text.size() <= 15 && text.find_first_not_of("0123456789") == text.npos;
    return good ? "" : fmt::format("\"{}\" is no whole number", text);
  };
  command.add_option(names, value, help)->option_text(value_name)->check(check);
}

void AddFlag(CLI::App& command, const std::string& names, bool& value, const std::string& help) {
  command.add_flag(names, value, help);
}

void AddArgument(CLI::App& command, const std::string& name, std::string& value,
                 const std::string& help) {
  command.add_option(name, value, help)->required();
}

void AddArguments(CLI::App& command, const std::string& name, std::vector<std::string>& values,
                  const std::string& help, bool required) {
  command.add_option(name, values, help)->required(required);
}

void AddCommands(CLI::App& root, Session& session) {
  AddJobsCommands(root, session);
  AddServerCommands(root, session);
  AddScheduleCommands(root, session);
  AddChangesCommands(root, session);
  AddNodeCommands(root, session);
  AddTokenCommands(root, session);
  AddTop(root, session);
  AddDoctor(root, session);
  AddShellCommands(root, session);
}

void AddJobsCommands(CLI::App& root, Session& session) {
  CLI::App& jobs = AddGroup(root, {"jobs", "list, create, follow and steer jobs", "", ""});
  jobs.group("Jobs");
  AddJobReads(jobs, session);
  AddJobCreation(jobs, session);
  AddJobFollowing(jobs, session);
  AddJobActions(jobs, session);
}

}  // namespace forager::cli
