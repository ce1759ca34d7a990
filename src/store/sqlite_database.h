// The SQLite driver: one connection with its prepared statements. Made by the store service, one
// for the writer, one for each reader, one for checkpoints.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "job/time.h"
#include "store/database.h"
#include "store/file_guard.h"

namespace forager::store {

struct SqliteOptions {
  std::string path;
  bool read_only = false;  // a reader's connection (the file itself must be writable: WAL)
  Millis busy_timeout{100};
  int cache_kib = 8'192;
  bool exclusive = false;  // nobody else has the file open, nor can open it, from the first statement
  FileGuard* guard = nullptr;  // of a service: the file is there already, and is watched
};

class SqliteDatabase : public Database {
 public:
  // Throws DatabaseError.
  static std::unique_ptr<SqliteDatabase> Open(const SqliteOptions& options);

  // Several statements without parameters: pragmas, migrations.
  virtual void Run(const std::string& sql) = 0;
  // Copies the log's pages into the file, without waiting for readers or the writer.
  struct Checkpoint {
    int log_pages = 0;
    int copied_pages = 0;
  };
  virtual Checkpoint CheckpointPassive() = 0;
  // Throws when the guard's files are not those that were opened, or are damaged.
  virtual void CheckFile() = 0;
  // Called after each commit with the pages the log has now.
  virtual void OnLogPages(std::function<void(int)> observer) = 0;
};

}  // namespace forager::store
