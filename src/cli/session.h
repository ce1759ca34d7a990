// The client's part of the command line: which commands there are and what runs when one is
// chosen. `app` makes the root and adds its own commands to the same tree, from which help, man
// page and completion are written.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "cli/machine.h"

namespace CLI {
class App;
}

namespace forager::cli {

struct Session {
  std::string version;
  std::map<std::string, std::string> environment;  // FORAGER_* and how to write
  Machine machine;

  std::function<int()> run;  // what the command line chose
  std::string url, data_dir, output = "table", color = "auto";
};

// Before the first command: how help is written.
void Prepare(CLI::App& root);
void AddCommands(CLI::App& root, Session& session);
// Parses and runs what was chosen; returns the exit code.
int ParseAndRun(CLI::App& root, int argc, char** argv, Session& session);

}  // namespace forager::cli
