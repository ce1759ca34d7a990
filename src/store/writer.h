// The writer thread: takes what callers queued, runs it in one transaction with a savepoint each,
// commits, and only then answers. Owns the writing connection; opens it anew after an I/O error.
// Never makes a caller wait.
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
#include "store/sqlite_database.h"
#include "store/store_service.h"

namespace forager::store {

class Writer {
 public:
  // `log_pages` hears after each commit how many pages the log has.
  Writer(const StoreOptions& options, std::unique_ptr<SqliteDatabase> database, HealthBoard& health,
         std::function<void(int)> log_pages);
  ~Writer();  // finishes the queue

  void Write(StoreService::Work work, StoreService::Done done);
  void OnCommit(std::function<void(const Committed&)> observer);
  std::size_t queue() const;

 private:
  struct Item {
    StoreService::Work work;
    StoreService::Done done;
    std::chrono::steady_clock::time_point since;
  };
  using Group = std::vector<Item>;

  void Loop();
  Group Take();
  bool BeginTransaction(Group& group);
  void RunGroup(Group group);
  // Runs one item, in a savepoint unless it is alone: bulk inserts are much faster without. False:
  // the whole transaction is lost.
  bool RunItem(Item& item, bool alone, Result<void>& answer, Committed& committed);
  void Lost(const DatabaseError& error);
  void Expire(Group& group, const Error& error);
  void HelpCheckpoint();
  void Probe();
  bool EnsureOpen();
  static void Answer(Group& group, const Error& error);

  const StoreOptions options_;
  std::unique_ptr<SqliteDatabase> database_;
  HealthBoard& health_;
  std::function<void(int)> log_pages_;
  std::function<void(const Committed&)> observer_;
  bool reopen_ = false;
  std::uint64_t probes_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Item> queue_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace forager::store
