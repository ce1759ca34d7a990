// Helpers that put a command into the tree: its words, its options, what it runs.
#pragma once

#include <functional>
#include <initializer_list>
#include <string>

#include "cli/client.h"
#include "cli/session.h"

namespace forager::cli {

using Handler = std::function<int(Client&)>;

struct Words {
  std::string name;
  std::string summary;   // one line, no full stop
  std::string details;   // further sentences, or ""
  std::string examples;  // "# what\nforager ...\n", or ""
};

// A command that has commands of its own.
CLI::App& AddGroup(CLI::App& parent, const Words& words);
// A command that asks the server; it gets the options of the connection and of the output.
CLI::App& AddCommand(CLI::App& parent, Session& session, const Words& words, Handler handler);
// The same, but works without a server: client.server may be empty.
CLI::App& AddLocalCommand(CLI::App& parent, Session& session, const Words& words, Handler handler);

// "--status,-s" with a value called "STATUS" in help; completion knows values by that name.
void AddOption(CLI::App& command, const std::string& names, std::string& value,
               const std::string& value_name, const std::string& help);
void AddOption(CLI::App& command, const std::string& names, std::int64_t& value,
               const std::string& value_name, const std::string& help);
void AddFlag(CLI::App& command, const std::string& names, bool& value, const std::string& help);
void AddArgument(CLI::App& command, const std::string& name, std::string& value,
                 const std::string& help);  // required
void AddArguments(CLI::App& command, const std::string& name, std::vector<std::string>& values,
                  const std::string& help, bool required = true);

// One function per file of commands.
void AddJobsCommands(CLI::App& root, Session& session);
void AddJobReads(CLI::App& jobs, Session& session);
void AddJobCreation(CLI::App& jobs, Session& session);
void AddJobActions(CLI::App& jobs, Session& session);
void AddJobFollowing(CLI::App& jobs, Session& session);
void AddServerCommands(CLI::App& root, Session& session);
void AddChangesCommands(CLI::App& root, Session& session);
void AddScheduleCommands(CLI::App& root, Session& session);
void AddNodeCommands(CLI::App& root, Session& session);
void AddTokenCommands(CLI::App& root, Session& session);
void AddTop(CLI::App& root, Session& session);
void AddDoctor(CLI::App& root, Session& session);
void AddShellCommands(CLI::App& root, Session& session);

}  // namespace forager::cli
