#include "store/writer.h"

#include <fmt/format.h>

#include <random>

#include "os/log.h"
#include "store/sql_store.h"

namespace forager::store {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr Millis kProbeInterval{500};  // while the health is red and nobody writes
constexpr Millis kReconnectPause{100};
constexpr std::chrono::seconds kDoubtLimit{30};  // of a commit whose answer was lost
constexpr int kMaxRaces = 5;
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
  all.history.Add(one.history);
  for (const auto& schedule : one.schedules) {
    if (all.schedules.size() < Committed::kMostSchedules) all.schedules.push_back(schedule);
  }
}

bool NeedsReopen(Fault fault) {
  return fault == Fault::kIo || fault == Fault::kCorrupt || fault == Fault::kLost;
}

// The rest of the transaction is as good as before.
bool IsOfOneUnit(Fault fault) {
  return fault == Fault::kRace || fault == Fault::kConstraint || fault == Fault::kTimeLimit ||
         fault == Fault::kBusy || fault == Fault::kOther;
}

std::string WriterName() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}", random(), random(), random());
}

}  // namespace

Writer::Writer(const StoreOptions& options, Open open, HealthBoard& health)
    : options_(options),
      open_(std::move(open)),
      database_(open_()),
      health_(health),
      history_(options.node),
      mark_{WriterName(), 0} {
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
    database_ = open_();
    reopen_ = false;
    told_ = false;
    return true;
  } catch (const DatabaseError& error) {
    if (!std::exchange(told_, true))
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
    Fault fault = Fault::kIo;
    if (EnsureOpen()) {
      try {
        database_->BeginWrite();
        return true;
      } catch (const DatabaseError& error) {
        fault = error.fault;
        if (fault != Fault::kBusy && fault != Fault::kLost && fault != Fault::kRace) {
          Lost(error);
          Answer(group, ToError(error));
          return false;
        }
        reopen_ |= NeedsReopen(fault);
      }
    } else if (!options_.shared()) {
      Error error = ToError(DatabaseError(Fault::kIo, ""));
      health_.Bad(error.detail);
      Answer(group, error);
      return false;
    } else {
      fault = Fault::kLost;
    }
    Expire(group, ToError(DatabaseError(fault, "")));
    if (fault == Fault::kLost) Pause();
  }
  return false;
}

// Between two tries to connect; the end of the program does not wait for it.
void Writer::Pause() {
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, kReconnectPause, [this] { return stopping_; });
}

void Writer::Lost(const DatabaseError& error) {
  // Once per fault: what is tried again while the disk is full must not fill the log.
  if (health_.ok()) os::LogError("Store: a transaction was rolled back", {{"error", error.what()}});
  health_.failed_commits.fetch_add(1, std::memory_order_relaxed);
  if (error.fault != Fault::kConstraint) health_.Bad(ToError(error).detail);
  reopen_ |= NeedsReopen(error.fault);
  if (database_) database_->Rollback();
}

Result<void> Writer::RunWork(Item& item, Committed& touched, std::optional<Fault>& fault) {
  SqlStore store(*database_, touched);
  Result<void> answer;
  try {
    answer = item.work(store);
  } catch (const DatabaseError& error) {
    fault = error.fault;
    answer = std::unexpected(ToError(error));
  } catch (const std::exception& error) {
    os::LogError("Store: a unit of work threw", {{"error", error.what()}});
    answer = forager::Fail(ErrorCode::kInternal, "The request failed inside the server.");
  }
  if (store.failure()) {
    fault = store.failure()->fault;
    answer = std::unexpected(ToError(*store.failure()));
    if (fault == Fault::kOther || fault == Fault::kConstraint)
      os::LogWarning("Store: a statement failed", {{"error", store.failure()->what()}});
  }
  return answer;
}

Writer::Ran Writer::RunItem(Item& item, bool alone, Result<void>& answer, Committed& committed) {
  Committed touched;
  std::optional<Fault> fault;
  try {
    if (!alone) database_->Savepoint();
    answer = RunWork(item, touched, fault);
    if (!database_->InTransaction()) {  // a full disk takes everything back
      if (answer) answer = std::unexpected(ToError(DatabaseError(Fault::kFull, "")));
      reopen_ |= fault && NeedsReopen(*fault);
      return Ran::kLost;
    }
    if (alone) {
      if (!answer) database_->Rollback();
    } else {
      if (!answer) database_->RollbackToSavepoint();
      database_->ReleaseSavepoint();
    }
  } catch (const DatabaseError& error) {
    // What was sent without waiting failed now.
    if (IsOfOneUnit(error.fault) && database_->InTransaction()) {
      fault = error.fault;
      os::LogWarning("Store: a statement failed", {{"error", error.what()}});
      answer = std::unexpected(ToError(error));
      alone ? database_->Rollback() : database_->RollbackToSavepoint();
    } else {
      Lost(error);
      answer = std::unexpected(ToError(error));
      return Ran::kLost;
    }
  }
  if (fault == Fault::kRace && ++item.races <= kMaxRaces) return Ran::kAgain;
  if (answer) Merge(committed, touched);
  return Ran::kDone;
}

// To the front of the queue, in its old order.
void Writer::PutBack(Group group) {
  std::lock_guard lock(mutex_);
  queue_.insert(queue_.begin(), std::make_move_iterator(group.begin()),
                std::make_move_iterator(group.end()));
}

// The connection was lost while it committed: a new one tells whether it did.
bool Writer::WasCommitted(const CommitMark& mark) {
  auto limit = SteadyClock::now() + kDoubtLimit;
  while (SteadyClock::now() < limit) {
    reopen_ = true;
    if (EnsureOpen()) {
      try {
        database_->BeginWrite();
        bool committed = database_->Committed(mark);
        database_->Rollback();
        return committed;
      } catch (const DatabaseError& error) {
        os::LogWarning("Store: a commit is in doubt", {{"error", error.what()}});
      }
    }
    Pause();
  }
  return false;
}

bool Writer::CommitGroup(Group& group, const Committed& committed) {
  ++mark_.number;
  try {
    if (database_->InTransaction()) history_.Write(*database_, committed.history);
    if (database_->InTransaction()) database_->Commit(options_.shared() ? mark_ : CommitMark{});
    return true;
  } catch (const DatabaseError& error) {
    history_.Forget();
    // What a unit that is alone has sent without waiting fails here.
    bool units_own = group.size() == 1 && IsOfOneUnit(error.fault);
    if (units_own) {
      database_->Rollback();
    } else {
      Lost(error);
    }
    if (error.fault == Fault::kLost && WasCommitted(mark_)) return true;
    bool again = error.fault == Fault::kRace && !group.empty();
    for (Item& item : group) again &= ++item.races <= kMaxRaces;
    if (again) {
      PutBack(std::move(group));
    } else {
      Answer(group, ToError(error));
    }
    return false;
  }
}

void Writer::RunGroup(Group group) {
  if (!BeginTransaction(group)) return;
  std::vector<Result<void>> answers(group.size());
  Committed committed;
  Group again;
  bool alone = group.size() == 1;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < group.size(); ++i) {
    switch (RunItem(group[i], alone, answers[kept], committed)) {
      case Ran::kDone:
        if (kept != i) group[kept] = std::move(group[i]);
        ++kept;
        break;
      case Ran::kAgain:
        again.push_back(std::move(group[i]));
        break;
      case Ran::kLost: {
        Error error = answers[kept].error();
        bool disconnected = reopen_ && options_.shared();
        health_.failed_commits.fetch_add(1, std::memory_order_relaxed);
        if (!disconnected) health_.Bad(error.detail);
        database_->Rollback();
        // Nothing of the group is stored.
        group.erase(group.begin() + static_cast<std::ptrdiff_t>(kept),
                    group.begin() + static_cast<std::ptrdiff_t>(i));
        std::move(again.begin(), again.end(), std::back_inserter(group));
        if (!disconnected) return Answer(group, error);
        Expire(group, error);
        return PutBack(std::move(group));
      }
    }
  }
  group.resize(kept);
  if (!CommitGroup(group, committed)) return PutBack(std::move(again));
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
  PutBack(std::move(again));
  AfterCommit();
}

void Writer::AfterCommit() {
  try {
    database_->AfterCommit();
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
    database_->Commit({});
    health_.Good();
  } catch (const DatabaseError& error) {
    database_->Rollback();
    reopen_ |= NeedsReopen(error.fault);
  }
}

}  // namespace forager::store
