#include "store/sqlite_service.h"

#include "store/checkpointer.h"
#include "store/health_board.h"
#include "store/migrations.h"
#include "store/readers.h"
#include "store/sqlite_database.h"
#include "store/transfer.h"
#include "store/writer.h"

namespace forager::store {
namespace {

constexpr Millis kStartBusy{2'000};
constexpr Millis kBusyStep{
    100};  // the driver waits so long for a lock before the writer looks at its queue
constexpr Millis kReadBusy{1'000};
constexpr int kWriterCacheKib = 32 * 1024;
constexpr int kReaderCacheKib = 8 * 1024;
constexpr int kCheckpointCacheKib = 1'024;

class SqliteService final : public StoreService {
 public:
  explicit SqliteService(const StoreOptions& options)
      : path_(options.path),
        guard_(path_),
        checkpointer_(
            [this] {
              return SqliteDatabase::Open(
                  {path_, false, kBusyStep, kCheckpointCacheKib, false, &guard_});
            },
            health_),
        readers_(options,
                 [this] {
                   return SqliteDatabase::Open(
                       {path_, true, kReadBusy, kReaderCacheKib, false, &guard_});
                 }),
        writer_(
            options,
            [this] {
              auto database =
                  SqliteDatabase::Open({path_, false, kBusyStep, kWriterCacheKib, false, &guard_});
              database->OnLogPages([this](int pages) { checkpointer_.LogPages(pages); });
              return database;
            },
            health_) {}

  void Write(Work work, Done done) override { writer_.Write(std::move(work), std::move(done)); }
  void WriteEnd(const AttemptRef&, Work work, Done done) override {
    Write(std::move(work), std::move(done));
  }
  void WriteUrgent(Work work, Done done) override { Write(std::move(work), std::move(done)); }
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
  const std::string path_;
  FileGuard guard_;
  HealthBoard health_;
  Checkpointer checkpointer_;
  Readers readers_;
  Writer writer_;  // the first to go: what it commits may still be read and copied
};

}  // namespace

Result<std::unique_ptr<StoreService>> OpenSqlite(const StoreOptions& options) {
  if (auto place = CheckPlace(options.path); !place) return std::unexpected(place.error());
  try {
    {
      auto starting = SqliteDatabase::Open({options.path, false, kStartBusy, kWriterCacheKib});
      if (auto ready = Migrate(*starting, options.path); !ready) {
        return std::unexpected(ready.error());
      }
      if (auto whole = CheckTransferFinished(*starting, options.path); !whole)
        return std::unexpected(whole.error());
    }
    return std::make_unique<SqliteService>(options);
  } catch (const DatabaseError& error) {
    return std::unexpected(OpenError(error, options.path));
  }
}

}  // namespace forager::store
