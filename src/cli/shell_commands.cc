#include "cli/tree.h"
namespace forager::cli {
void AddShellCommands(CLI::App&, Session&) {}
}  // namespace forager::cli
