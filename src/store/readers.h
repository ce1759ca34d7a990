// A few threads with a connection each for reads; each read sees one moment of the database and is
// stopped after its limit. Never blocks the caller, never the writer.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "store/health_board.h"
#include "store/sqlite_database.h"
#include "store/store_service.h"

namespace forager::store {

class Readers {
 public:
  Readers(const StoreOptions& options, std::vector<std::unique_ptr<SqliteDatabase>> databases);
  ~Readers();  // finishes the queue

  void Read(StoreService::Work work, StoreService::Done done);
  static SqliteOptions ConnectionOptions(const StoreOptions& options);

 private:
  struct Item {
    StoreService::Work work;
    StoreService::Done done;
    std::chrono::steady_clock::time_point since;
  };

  void Loop(std::unique_ptr<SqliteDatabase> database);
  Result<void> Run(std::unique_ptr<SqliteDatabase>& database, const StoreService::Work& work);

  const StoreOptions options_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Item> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace forager::store
