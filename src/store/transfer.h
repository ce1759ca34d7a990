// Moves everything from one database into another: `forager migrate`. One of them is SQLite, the
// other PostgreSQL; neither is served meanwhile. A transfer that ended in the middle, however it
// ended, goes on where it was; until it is finished and proven no server starts on the target.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "job/error.h"
#include "store/transfer_compare.h"

namespace forager::store {

struct TransferProgress {
  enum class Stage { kCopying, kComparing };
  Stage stage = Stage::kCopying;
  std::string table;
  std::int64_t rows = 0;  // of all tables, those of earlier runs too
  std::int64_t total = 0;
  bool table_done = false;
  std::int64_t table_rows = 0;
};

struct TransferOptions {
  std::string from, to;         // sqlite:PATH or postgres://...
  bool dry_run = false;         // looks at everything and writes nothing
  bool verify_only = false;     // compares and writes nothing
  bool restart = false;         // what an unfinished transfer has moved is thrown away first
  bool accept_losses = false;   // finishes although some rows could not be moved or differ
  std::function<void(const TransferProgress&)> progress = [](const TransferProgress&) {};
};

struct TransferReport {
  bool resumed = false;
  bool finished = false;            // servers may start on the target
  std::int64_t copied = 0;          // rows of this run
  double seconds = 0;               // of copying them
  std::vector<TableProof> tables;   // of a dry run: counts and values to be replaced only
  std::vector<std::string> refused;  // rows that the target did not take in this run

  bool same() const;
};

// An error when it could not begin or go on; what is found otherwise is in the report.
Result<TransferReport> RunTransfer(const TransferOptions& options);

// For a server's start: refuses a database that a transfer has not finished with.
Result<void> CheckTransferFinished(Database& database, const std::string& shown);

// sqlite:PATH -> PATH; nothing when it is no such name.
std::optional<std::string> SqlitePath(const std::string& url);

}  // namespace forager::store
