// A few threads with a connection each for reads; each read sees one moment of the database and is
// stopped after its limit. Never blocks the caller, never the writer.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "store/health_board.h"
#include "store/database.h"
#include "store/store_service.h"

namespace forager::store {

class Readers {
 public:
  // Connects, or throws DatabaseError. The first connections are opened at once.
  using Open = std::function<std::unique_ptr<Database>()>;
  Readers(const StoreOptions& options, Open open);
  ~Readers();  // finishes the queue

  void Read(StoreService::Work work, StoreService::Done done);

 private:
  struct Item {
    StoreService::Work work;
    StoreService::Done done;
    std::chrono::steady_clock::time_point since;
  };

  void Loop(std::unique_ptr<Database> database);
  Result<void> Run(std::unique_ptr<Database>& database, const StoreService::Work& work);
  Result<void> Try(std::unique_ptr<Database>& database, const StoreService::Work& work);

  const StoreOptions options_;
  const Open open_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Item> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace forager::store
