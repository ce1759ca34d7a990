#include "store/readers.h"

#include "os/log.h"
#include "store/sql_store.h"

namespace forager::store {
namespace {

constexpr Millis kQueueLimit{5'000};  // a read that waited longer is not wanted any more
constexpr int kReaderCacheKib = 8 * 1024;

Error Overloaded() {
  return Error{ErrorCode::kUnavailable,
               "Too many reads are waiting for the database.",
               {},
               std::chrono::seconds(1)};
}

}  // namespace

SqliteOptions Readers::ConnectionOptions(const StoreOptions& options) {
  return {options.path, true, Millis{1'000}, kReaderCacheKib};
}

Readers::Readers(const StoreOptions& options,
                 std::vector<std::unique_ptr<SqliteDatabase>> databases)
    : options_(options) {
  for (auto& database : databases) {
    threads_.emplace_back([this, own = std::move(database)]() mutable { Loop(std::move(own)); });
  }
}

Readers::~Readers() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Readers::Read(StoreService::Work work, StoreService::Done done) {
  {
    std::lock_guard lock(mutex_);
    if (!stopping_ && static_cast<int>(queue_.size()) < options_.max_queue) {
      queue_.push_back({std::move(work), std::move(done), std::chrono::steady_clock::now()});
      done = nullptr;
    }
  }
  if (done) {
    done(std::unexpected(Overloaded()));
  } else {
    wake_.notify_one();
  }
}

void Readers::Loop(std::unique_ptr<SqliteDatabase> database) {
  for (;;) {
    Item item;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      item = std::move(queue_.front());
      queue_.pop_front();
    }
    if (std::chrono::steady_clock::now() - item.since > kQueueLimit) {
      item.done(std::unexpected(Overloaded()));
    } else {
      item.done(Run(database, item.work));
    }
  }
}

Result<void> Readers::Run(std::unique_ptr<SqliteDatabase>& database,
                          const StoreService::Work& work) {
  Result<void> answer;
  try {
    if (!database) database = SqliteDatabase::Open(ConnectionOptions(options_));
    database->LimitFrom(options_.read_limit);
    database->BeginRead();
    Committed nothing;
    SqlStore store(*database, nothing);
    answer = work(store);
  } catch (const DatabaseError& error) {
    os::LogWarning("Store: a read failed", {{"error", error.what()}});
    if (error.fault == Fault::kIo || error.fault == Fault::kCorrupt) database.reset();
    answer = std::unexpected(ToError(error));
  } catch (const std::exception& error) {
    os::LogError("Store: a read threw", {{"error", error.what()}});
    answer = forager::Fail(ErrorCode::kInternal, "The request failed inside the server.");
  }
  if (database) database->Rollback();
  return answer;
}

}  // namespace forager::store
