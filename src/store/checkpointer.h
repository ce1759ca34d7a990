// Copies the write-ahead log into the database file in a thread of its own, so that commits do not
// wait for it, and watches the log's size and the files themselves. Hears from the writer after
// each commit.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "store/health_board.h"
#include "store/sqlite_database.h"

namespace forager::store {

class Checkpointer {
 public:
  using Open = std::function<std::unique_ptr<SqliteDatabase>()>;
  Checkpointer(Open open, HealthBoard& health);
  ~Checkpointer();

  void LogPages(int pages);  // any thread

 private:
  void Loop();
  void RunOnce(bool copy);

  Open open_;
  HealthBoard& health_;
  std::unique_ptr<SqliteDatabase> database_;
  std::mutex mutex_;
  std::condition_variable wake_;
  int pages_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace forager::store
