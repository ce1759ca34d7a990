#include "store/readers.h"

#include "os/log.h"
#include "store/sql_store.h"

namespace forager::store {
namespace {

constexpr Millis kQueueLimit{5'000};  // a read that waited longer is not wanted any more

Error Overloaded() {
  return Error{ErrorCode::kUnavailable,
               "Too many reads are waiting for the database.",
               {},
               std::chrono::seconds(1)};
}

}  // namespace

Readers::Readers(const StoreOptions& options, Open open)
    : options_(options), open_(std::move(open)) {
  std::vector<std::unique_ptr<Database>> databases;
  for (int i = 0; i < std::max(1, options.readers); ++i) databases.push_back(open_());
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

void Readers::Loop(std::unique_ptr<Database> database) {
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

Result<void> Readers::Run(std::unique_ptr<Database>& database, const StoreService::Work& work) {
  bool fresh = !database;
  auto answer = Try(database, work);
  // A connection that was lost while nobody used it is not worth an error.
  if (!answer && !database && !fresh && options_.shared()) answer = Try(database, work);
  return answer;
}

Result<void> Readers::Try(std::unique_ptr<Database>& database, const StoreService::Work& work) {
  Result<void> answer;
  try {
    if (!database) database = open_();
    database->LimitFrom(options_.read_limit);
    database->BeginRead();
    Committed nothing;
    SqlStore store(*database, nothing);
    answer = work(store);
    if (store.failure()) throw *store.failure();
  } catch (const DatabaseError& error) {
    if (error.fault != Fault::kLost && error.fault != Fault::kGone)
      os::LogWarning("Store: a read failed", {{"error", error.what()}});
    if (NeedsReopen(error.fault)) database.reset();
    answer = std::unexpected(ToError(error));
  } catch (const std::exception& error) {
    os::LogError("Store: a read threw", {{"error", error.what()}});
    answer = forager::Fail(ErrorCode::kInternal, "The request failed inside the server.");
  }
  if (database) database->Rollback();
  return answer;
}

}  // namespace forager::store
