// The subcommands of the program. Each returns the exit code: 0 good, 1 the answer is no or the
// work failed, 2 the command line or a setting is wrong.
#pragma once

#include <string>

#include "app/settings.h"

namespace forager::app {

int Main(int argc, char** argv);

// Serves until SIGTERM or SIGINT.
int Serve(const SettingSources& sources);
int PrintConfig(const SettingSources& sources);

// One checked file of the SQLite database, while a server runs or not.
int BackUp(const SettingSources& sources, const std::string& file, bool force);
// Puts such a file in the database's place, while no server runs.
int Restore(const SettingSources& sources, const std::string& file);

struct MigrateOptions {
  std::string from, to;  // sqlite:PATH or postgres://...
  bool dry_run = false;
  bool verify_only = false;
  bool restart = false;
  bool accept_losses = false;
};
// Moves everything from one database into another; see doc/migrate.md.
int Migrate(const MigrateOptions& options);

struct DemoOptions {
  bool once = false;
  std::string url;                        // collect this page instead of the six jobs
  std::string entity_type = "community";  // of that page
};
// Six jobs on a sample site, some of them sabotaged; see doc/operations.md.
int Demo(const SettingSources& sources, const DemoOptions& options);

// "forager: WHAT" on stderr, as one line that obeys nothing in it; returns 2.
int Refuse(const std::string& what);
// The same; returns 1.
int Complain(const std::string& what);

}  // namespace forager::app
