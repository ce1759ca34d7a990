// What `--help`, the man page and wrong command lines say, written from the tree of commands.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace forager::cli {

// Details and examples of a command as it keeps them, and apart again.
std::string JoinFooter(const std::string& details, const std::string& examples);
struct Footer {
  std::string details, examples;
};
Footer SplitFooter(const std::string& footer);

std::string HelpText(const CLI::App& command);
// `forager jobs list`
std::string FullName(const CLI::App& command);

// One option or argument as help shows it.
struct OptionWords {
  std::string names;  // "-o, --output"
  std::string value;  // "FORMAT", "" for a flag
  std::string help;
  std::string group;
  bool positional = false, required = false, many = false;
};
std::vector<OptionWords> OptionsOf(const CLI::App& command);
// Commands shown to people, in the order they were added.
std::vector<const CLI::App*> CommandsOf(const CLI::App& command);

}  // namespace forager::cli
