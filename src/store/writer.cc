#include "store/writer.h"

#include "os/log.h"
#include "store/sql_store.h"

namespace forager::store {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr Millis kProbeInterval{500};  // while the health is red and nobody writes
constexpr Millis kBusyStep{100};  // the driver waits so long for a lock before we look at the queue
constexpr int kWriterCacheKib = 32 * 1024;
constexpr std::uint64_t kLogBytesTooMany = 64ULL << 20;
constexpr std::size_t kMaxTouched = 1'000;

Error Overloaded() {
  return Error{ErrorCode::kUnavailable,
               "Too many writes are waiting for the database.",
               {},
               std::chrono::seconds(1)};
}

void Merge(Committed& all, const Committed& one) {
  std::size_t room = kMaxTouched - all.job_ids.size();
  if (one.job_ids.size() > room) all.many = true;
  all.job_ids.insert(
      all.job_ids.end(), one.job_ids.begin(),
      one.job_ids.begin() + static_cast<std::ptrdiff_t>(std::min(room, one.job_ids.size())));
  all.many |= one.many;
  all.pending_added |= one.pending_added;
  all.requested |= one.requested;
  all.orders_added |= one.orders_added;
}

bool NeedsReopen(Fault fault) { return fault == Fault::kIo || fault == Fault::kCorrupt; }

}  // namespace

Writer::Writer(const StoreOptions& options, std::unique_ptr<SqliteDatabase> database,
               HealthBoard& health, std::function<void(int)> log_pages)
    : options_(options),
      database_(std::move(database)),
      health_(health),
      log_pages_(std::move(log_pages)) {
  database_->OnLogPages(log_pages_);
  thread_ = std::thread([this] { Loop(); });
}

Writer::~Writer() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Writer::Write(StoreService::Work work, StoreService::Done done) {
  {
    std::lock_guard lock(mutex_);
    if (!stopping_ && static_cast<int>(queue_.size()) < options_.max_queue) {
      queue_.push_back({std::move(work), std::move(done), SteadyClock::now()});
      done = nullptr;
    }
  }
  if (done) {
    done(std::unexpected(Overloaded()));
  } else {
    wake_.notify_one();
  }
}

void Writer::OnCommit(std::function<void(const Committed&)> observer) {
  std::lock_guard lock(mutex_);
  observer_ = std::move(observer);
}

std::size_t Writer::queue() const {
  std::lock_guard lock(mutex_);
  return queue_.size();
}

void Writer::Loop() {
  for (;;) {
    Group group = Take();
    if (!group.empty()) {
      RunGroup(std::move(group));
      continue;
    }
    std::unique_lock lock(mutex_);
    if (!queue_.empty()) continue;
    if (stopping_) return;
    lock.unlock();
    if (!health_.ok()) Probe();
  }
}

// The next group; empty when it is time to probe or to stop.
Writer::Group Writer::Take() {
  std::unique_lock lock(mutex_);
  auto ready = [this] { return stopping_ || !queue_.empty(); };
  if (health_.ok()) {
    // Health may also turn red through others: look now and then.
    wake_.wait_for(lock, std::chrono::seconds(5), ready);
  } else {
    wake_.wait_for(lock, kProbeInterval, ready);
  }
  Group group;
  auto count = std::min(queue_.size(), static_cast<std::size_t>(options_.max_group));
  group.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return group;
}

void Writer::Answer(Group& group, const Error& error) {
  for (Item& item : group) item.done(std::unexpected(error));
  group.clear();
}

bool Writer::EnsureOpen() {
  if (!reopen_) return true;
  try {
    database_.reset();
    database_ = SqliteDatabase::Open({options_.path, false, kBusyStep, kWriterCacheKib});
    database_->OnLogPages(log_pages_);
    reopen_ = false;
    return true;
  } catch (const DatabaseError& error) {
    os::LogError("Store: the database cannot be opened again", {{"error", error.what()}});
    return false;
  }
}

// Answers those that waited longer than the busy timeout, in the group and in the queue.
void Writer::Expire(Group& group, const Error& error) {
  auto limit = SteadyClock::now() - options_.busy_timeout;
  Group late;
  auto take_late = [&](auto& items) {
    auto keep = std::stable_partition(items.begin(), items.end(),
                                      [&](const Item& item) { return item.since > limit; });
    std::move(keep, items.end(), std::back_inserter(late));
    items.erase(keep, items.end());
  };
  take_late(group);
  {
    std::lock_guard lock(mutex_);
    take_late(queue_);
  }
  if (!late.empty()) health_.Bad(error.detail);
  Answer(late, error);
}

// False: the group was answered with an error.
bool Writer::BeginTransaction(Group& group) {
  while (!group.empty()) {
    if (!EnsureOpen()) {
      Error error = ToError(DatabaseError(Fault::kIo, ""));
      health_.Bad(error.detail);
      Answer(group, error);
      return false;
    }
    try {
      database_->BeginWrite();
      return true;
    } catch (const DatabaseError& error) {
      if (error.fault == Fault::kBusy) {
        Expire(group, ToError(error));
        continue;
      }
      Lost(error);
      Answer(group, ToError(error));
    }
  }
  return false;
}

void Writer::Lost(const DatabaseError& error) {
  // Once per fault: what is tried again while the disk is full must not fill the log.
  if (health_.ok()) os::LogError("Store: a transaction was rolled back", {{"error", error.what()}});
  health_.failed_commits.fetch_add(1, std::memory_order_relaxed);
  if (error.fault != Fault::kConstraint) health_.Bad(ToError(error).detail);
  reopen_ |= NeedsReopen(error.fault);
  if (database_) database_->Rollback();
}

bool Writer::RunItem(Item& item, bool alone, Result<void>& answer, Committed& committed) {
  Committed touched;
  SqlStore store(*database_, touched);
  try {
    if (!alone) database_->Savepoint();
    try {
      answer = item.work(store);
    } catch (const DatabaseError& error) {
      answer = std::unexpected(ToError(error));
    } catch (const std::exception& error) {
      os::LogError("Store: a unit of work threw", {{"error", error.what()}});
      answer = forager::Fail(ErrorCode::kInternal, "The request failed inside the server.");
    }
    if (answer && store.failure()) answer = std::unexpected(*store.failure());
    if (!database_->InTransaction()) {  // a full disk takes everything back
      if (answer) answer = std::unexpected(ToError(DatabaseError(Fault::kFull, "")));
      return false;
    }
    if (alone) {
      if (!answer) database_->Rollback();
    } else {
      if (!answer) database_->RollbackToSavepoint();
      database_->ReleaseSavepoint();
    }
  } catch (const DatabaseError& error) {
    Lost(error);
    answer = std::unexpected(ToError(error));
    return false;
  }
  if (answer) Merge(committed, touched);
  return true;
}

void Writer::RunGroup(Group group) {
  if (!BeginTransaction(group)) return;
  std::vector<Result<void>> answers(group.size());
  Committed committed;
  for (std::size_t i = 0; i < group.size(); ++i) {
    if (RunItem(group[i], group.size() == 1, answers[i], committed)) continue;
    Error error = answers[i].error();
    health_.failed_commits.fetch_add(1, std::memory_order_relaxed);
    health_.Bad(error.detail);
    database_->Rollback();
    Answer(group, error);  // nothing of the group is stored
    return;
  }
  try {
    if (database_->InTransaction()) database_->Commit();
  } catch (const DatabaseError& error) {
    Lost(error);
    Answer(group, ToError(error));
    return;
  }
  health_.Good();
  health_.commits.fetch_add(1, std::memory_order_relaxed);
  health_.writes.fetch_add(group.size(), std::memory_order_relaxed);
  std::function<void(const Committed&)> observer;
  {
    std::lock_guard lock(mutex_);
    observer = observer_;
  }
  for (std::size_t i = 0; i < group.size(); ++i) group[i].done(std::move(answers[i]));
  if (observer) observer(committed);
  HelpCheckpoint();
}

// Under a constant stream of commits the checkpointer never sees the end of the log, so the log
// never starts again from its beginning. Once it is large, the writer copies the rest between two
// groups.
void Writer::HelpCheckpoint() {
  if (health_.wal_bytes.load(std::memory_order_relaxed) < kLogBytesTooMany) return;
  try {
    database_->CheckpointPassive();
  } catch (const DatabaseError& error) {
    os::LogWarning("Store: a checkpoint failed", {{"error", error.what()}});
    reopen_ |= NeedsReopen(error.fault);
  }
}

// While the health is red: is the disk writable again?
void Writer::Probe() {
  if (!EnsureOpen()) return;
  try {
    database_->BeginWrite();
    database_->Execute("probe", {std::to_string(++probes_)});
    database_->Commit();
    health_.Good();
  } catch (const DatabaseError& error) {
    database_->Rollback();
    reopen_ |= NeedsReopen(error.fault);
  }
}

}  // namespace forager::store
