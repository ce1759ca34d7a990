#include "store/store_service.h"

#include <future>

#include "store/checkpointer.h"
#include "store/health_board.h"
#include "store/migrations.h"
#include "store/readers.h"
#include "store/writer.h"

namespace forager::store {
namespace {

constexpr Millis kStartBusy{2'000};
constexpr int kWriterCacheKib = 32 * 1024;
constexpr int kCheckpointCacheKib = 1'024;

class SqliteService final : public StoreService {
 public:
  SqliteService(const StoreOptions& options, std::unique_ptr<SqliteDatabase> writing,
                std::vector<std::unique_ptr<SqliteDatabase>> reading)
      : checkpointer_(
            [path = options.path] {
              return SqliteDatabase::Open({path, false, Millis{100}, kCheckpointCacheKib});
            },
            health_),
        readers_(options, std::move(reading)),
        writer_(options, std::move(writing), health_,
                [this](int pages) { checkpointer_.LogPages(pages); }) {}

  void Write(Work work, Done done) override { writer_.Write(std::move(work), std::move(done)); }
  void Read(Work work, Done done) override { readers_.Read(std::move(work), std::move(done)); }
  void OnCommit(std::function<void(const Committed&)> observer) override {
    writer_.OnCommit(std::move(observer));
  }
  Health health() const override { return health_.Read(); }
  Figures figures() const override {
    return {health_.commits, health_.writes, writer_.queue(), health_.failed_commits,
            health_.wal_bytes};
  }

 private:
  HealthBoard health_;
  Checkpointer checkpointer_;
  Readers readers_;
  Writer writer_;  // the first to go: what it commits may still be read and copied
};

Result<void> Wait(const std::function<void(StoreService::Done)>& start) {
  std::promise<Result<void>> promise;
  auto answer = promise.get_future();
  start([&promise](Result<void> result) { promise.set_value(std::move(result)); });
  return answer.get();
}

}  // namespace

Result<void> StoreService::WriteAndWait(Work work) {
  return Wait([&](Done done) { Write(std::move(work), std::move(done)); });
}

Result<void> StoreService::ReadAndWait(Work work) {
  return Wait([&](Done done) { Read(std::move(work), std::move(done)); });
}

Result<std::unique_ptr<StoreService>> StoreService::Open(StoreOptions options) {
  if (auto place = CheckPlace(options.path); !place) return std::unexpected(place.error());
  try {
    {
      auto starting = SqliteDatabase::Open({options.path, false, kStartBusy, kWriterCacheKib});
      if (auto ready = Migrate(*starting, options.path); !ready) {
        return std::unexpected(ready.error());
      }
    }
    auto writing = SqliteDatabase::Open({options.path, false, Millis{100}, kWriterCacheKib});
    std::vector<std::unique_ptr<SqliteDatabase>> reading;
    for (int i = 0; i < std::max(1, options.readers); ++i) {
      reading.push_back(SqliteDatabase::Open(Readers::ConnectionOptions(options)));
    }
    return std::make_unique<SqliteService>(options, std::move(writing), std::move(reading));
  } catch (const DatabaseError& error) {
    return std::unexpected(OpenError(error, options.path));
  }
}

}  // namespace forager::store
