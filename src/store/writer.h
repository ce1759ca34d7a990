// The writer thread: takes what callers queued, runs it in one transaction, commits, and only then
// answers. A unit that fails after it changed a row is taken out, and the others are run again
// without it; one that changed nothing is just answered. Owns the writing connection; opens it anew
// after an I/O error. Never makes a caller wait. A unit may also run again when its transaction was
// lost or another server was quicker, so units only assign what they return.
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

  // `ends`: see StoreService::WriteEnd.
  void Write(StoreService::Work work, StoreService::Done done,
             std::optional<AttemptRef> ends = std::nullopt);
  void OnCommit(std::function<void(const Committed&)> observer);
  std::size_t queue() const;

 private:
  struct Item {
    StoreService::Work work;
    StoreService::Done done;
    std::optional<AttemptRef> ends;
    std::chrono::steady_clock::time_point since;
    int races = 0;       // how often another server was quicker
    bool alone = false;  // to be run in a transaction of its own
  };
  using Group = std::vector<Item>;
  using Answers = std::vector<Result<void>>;
  // The unit whose writes must not be committed.
  struct Misfit {
    std::size_t unit;
    Error error;
    bool race;
  };

  void Loop();
  Group Take();
  bool BeginTransaction(Group& group);
  void RunGroup(Group group);
  // None: the group is over with, answered or back in the queue.
  std::optional<Misfit> RunTogether(Group& group);
  std::optional<Misfit> RunUnits(Group& group, Answers& answers, Committed& committed);
  void ExpectEnds(Group& group, std::size_t from);
  Result<void> RunUnit(Item& item, Committed& touched);
  void Commit(const Committed& committed);
  void Acknowledge(Group& group, Answers& answers, const Committed& committed);
  void GiveUp(Group group, const DatabaseError& error);
  bool WasCommitted(const CommitMark& mark);
  void PutBack(Group group);
  void Pause();
  void Lost(const DatabaseError& error);
  void Expire(Group& group, const Error& error);
  void Probe();
  bool EnsureOpen();
  static void Answer(Group& group, const Error& error);

  const StoreOptions options_;
  const Open open_;
  std::unique_ptr<Database> database_;
  HealthBoard& health_;
  HistoryWriter history_;
  CommitMark mark_;
  std::optional<std::int64_t> pending_;  // what SqlStore remembers of one transaction
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
