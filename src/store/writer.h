// The writer thread: takes what callers queued, runs it in one transaction with a savepoint each,
// commits, and only then answers. Owns the writing connection; opens it anew after an I/O error.
// Never makes a caller wait. A unit may be run again when its transaction was lost or another
// server was quicker, so units only assign what they return.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "store/database.h"
#include "store/health_board.h"
#include "store/store_service.h"

namespace forager::store {

class Writer {
 public:
  // Connects, or throws DatabaseError.
  using Open = std::function<std::unique_ptr<Database>()>;
  // Opens the first connection at once.
  Writer(const StoreOptions& options, Open open, HealthBoard& health);
  ~Writer();  // finishes the queue

  void Write(StoreService::Work work, StoreService::Done done);
  void OnCommit(std::function<void(const Committed&)> observer);
  std::size_t queue() const;

 private:
  struct Item {
    StoreService::Work work;
    StoreService::Done done;
    std::chrono::steady_clock::time_point since;
    int races = 0;  // how often another server was quicker
  };
  using Group = std::vector<Item>;
  enum class Ran { kDone, kAgain, kLost };

  void Loop();
  Group Take();
  bool BeginTransaction(Group& group);
  void RunGroup(Group group);
  // Runs one item, in a savepoint unless it is alone: bulk inserts are much faster without. kLost:
  // the whole transaction is.
  Ran RunItem(Item& item, bool alone, Result<void>& answer, Committed& committed);
  Result<void> RunWork(Item& item, Committed& touched, std::optional<Fault>& fault);
  // False: the group was answered, or goes back to the queue.
  bool CommitGroup(Group& group, const Committed& committed);
  bool WasCommitted(const CommitMark& mark);
  void PutBack(Group group);
  void Pause();
  void Lost(const DatabaseError& error);
  void Expire(Group& group, const Error& error);
  void AfterCommit();
  void Probe();
  bool EnsureOpen();
  static void Answer(Group& group, const Error& error);

  const StoreOptions options_;
  const Open open_;
  std::unique_ptr<Database> database_;
  HealthBoard& health_;
  HistoryWriter history_;
  CommitMark mark_;
  std::function<void(const Committed&)> observer_;
  bool reopen_ = false;
  bool told_ = false;  // that it cannot be opened
  std::uint64_t probes_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Item> queue_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace forager::store
