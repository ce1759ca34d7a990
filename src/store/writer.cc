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
constexpr int kRunsTogether = 3;

Error Overloaded() {
  return Error{ErrorCode::kUnavailable,
               "Too many writes are waiting for the database.",
               {},
               std::chrono::seconds(1)};
}

// Without that unit the transaction is as good as before.
bool IsOfOneUnit(Fault fault) {
  return fault == Fault::kRace || fault == Fault::kConstraint || fault == Fault::kTimeLimit ||
         fault == Fault::kBusy || fault == Fault::kOther;
}

// Nobody knows whether a commit happened.
struct Unanswered {};

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

void Writer::Write(StoreService::Work work, StoreService::Done done,
                   std::optional<AttemptRef> ends) {
  {
    std::lock_guard lock(mutex_);
    if (!stopping_ && static_cast<int>(queue_.size()) < options_.max_queue) {
      queue_.push_back({std::move(work), std::move(done), std::move(ends), SteadyClock::now()});
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
  while (!queue_.empty() && group.size() < static_cast<std::size_t>(options_.max_group)) {
    bool alone = queue_.front().alone;
    if (alone && !group.empty()) break;
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
    if (alone) break;
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

// What the unit answers; throws what the database says.
Result<void> Writer::RunUnit(Item& item, Committed& touched) {
  SqlStore store(*database_, touched, options_.shared() ? &pending_ : nullptr);
  Result<void> answer;
  try {
    answer = item.work(store);
  } catch (const DatabaseError&) {
    throw;
  } catch (const std::exception& error) {
    os::LogError("Store: a unit of work threw", {{"error", error.what()}});
    answer = forager::Fail(ErrorCode::kInternal, "The request failed inside the server.");
  }
  if (store.failure()) throw *store.failure();
  if (!database_->InTransaction()) throw DatabaseError(Fault::kFull, "a full disk took it back");
  return answer;
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
    Group others;  // they wait no longer than usual
    Expire(others, ToError(DatabaseError(Fault::kLost, "")));
    Pause();
  }
  return false;
}

// What the ends that follow one another read: none of them touches the job of another.
void Writer::ExpectEnds(Group& group, std::size_t from) {
  if (!group[from].ends || (from > 0 && group[from - 1].ends)) return;
  Committed nothing;
  SqlStore store(*database_, nothing);
  for (std::size_t unit = from; unit < group.size() && group[unit].ends; ++unit) {
    database_->BeginUnit(unit);
    store.ExpectEnd(*group[unit].ends);
  }
}

std::optional<Writer::Misfit> Writer::RunUnits(Group& group, Answers& answers,
                                               Committed& committed) {
  for (std::size_t unit = 0; unit < group.size(); ++unit) {
    Committed touched;
    auto pending = pending_;
    try {
      ExpectEnds(group, unit);
      database_->BeginUnit(unit);
      answers[unit] = RunUnit(group[unit], touched);
    } catch (DatabaseError& error) {
      if (!error.unit) error.unit = unit;
      throw;
    }
    if (answers[unit]) {
      committed.Add(touched);
      committed.history.Add(touched.history);
    } else if (database_->UnitWrote()) {
      return Misfit{unit, answers[unit].error(), false};
    } else {
      pending_ = pending;  // nor did it take the room that it asked for
    }
  }
  return std::nullopt;
}

void Writer::Commit(const Committed& committed) {
  database_->BeginUnit(std::nullopt);
  ++mark_.number;
  try {
    history_.Write(*database_, committed.history);
    database_->Commit(options_.shared() ? mark_ : CommitMark{});
  } catch (const DatabaseError& error) {
    history_.Forget();
    if (error.fault != Fault::kLost) throw;
    Lost(error);
    if (!WasCommitted(mark_)) throw Unanswered{};
  }
}

// Nothing of the group is stored, and no unit of it is to blame.
void Writer::GiveUp(Group group, const DatabaseError& error) {
  bool disconnected = error.fault == Fault::kLost && options_.shared();
  if (!disconnected && error.fault != Fault::kRace) {
    Lost(error);
    return Answer(group, ToError(error));
  }
  health_.failed_commits.fetch_add(1, std::memory_order_relaxed);
  reopen_ |= disconnected;
  database_->Rollback();
  if (disconnected) {
    Expire(group, ToError(error));
  } else if (std::ranges::any_of(group, [](Item& item) { return ++item.races > kMaxRaces; })) {
    return Answer(group, ToError(error));
  }
  PutBack(std::move(group));
}

std::optional<Writer::Misfit> Writer::RunTogether(Group& group) {
  if (!BeginTransaction(group)) return std::nullopt;
  pending_.reset();
  Answers answers(group.size());
  Committed committed;
  try {
    if (auto misfit = RunUnits(group, answers, committed)) {
      database_->Rollback();
      return misfit;
    }
    if (database_->Wrote()) {
      Commit(committed);
    } else {
      database_->Rollback();
    }
  } catch (const Unanswered&) {
    Answer(group, ToError(DatabaseError(Fault::kLost, "")));
    return std::nullopt;
  } catch (const DatabaseError& error) {
    if (error.unit && IsOfOneUnit(error.fault) && database_->InTransaction()) {
      if (error.fault == Fault::kOther || error.fault == Fault::kConstraint)
        os::LogWarning("Store: a statement failed", {{"error", error.what()}});
      database_->Rollback();
      return Misfit{*error.unit, ToError(error), error.fault == Fault::kRace};
    }
    GiveUp(std::move(group), error);
    return std::nullopt;
  }
  Acknowledge(group, answers, committed);
  return std::nullopt;
}

void Writer::Acknowledge(Group& group, Answers& answers, const Committed& committed) {
  health_.Good();
  health_.commits.fetch_add(1, std::memory_order_relaxed);
  health_.writes.fetch_add(group.size(), std::memory_order_relaxed);
  std::function<void(const Committed&)> observer;
  {
    std::lock_guard lock(mutex_);
    observer = observer_;
  }
  for (std::size_t unit = 0; unit < group.size(); ++unit)
    group[unit].done(std::move(answers[unit]));
  if (observer) observer(committed);
  try {
    database_->AfterCommit();
  } catch (const DatabaseError& error) {
    os::LogWarning("Store: a checkpoint failed", {{"error", error.what()}});
    reopen_ |= NeedsReopen(error.fault);
  }
}

void Writer::RunGroup(Group group) {
  Group again;
  for (int runs = 0; auto misfit = RunTogether(group); ++runs) {
    Item item = std::move(group[misfit->unit]);
    group.erase(group.begin() + static_cast<std::ptrdiff_t>(misfit->unit));
    if (misfit->race && ++item.races <= kMaxRaces) {
      again.push_back(std::move(item));
    } else {
      item.done(std::unexpected(misfit->error));
    }
    if (group.empty()) break;
    if (runs >= kRunsTogether) {
      for (Item& one : group) one.alone = true;
      PutBack(std::move(group));
      break;
    }
  }
  PutBack(std::move(again));
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
