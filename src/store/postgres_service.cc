#include "store/postgres_service.h"

#include <fmt/format.h>

#include "job/plain_text.h"
#include "store/health_board.h"
#include "store/postgres_bulletin.h"
#include "store/postgres_database.h"
#include "store/postgres_migrations.h"
#include "store/postgres_url.h"
#include "store/readers.h"
#include "store/transfer.h"
#include "store/writer.h"

namespace forager::store {
namespace {

StoreOptions Urgent(StoreOptions options) {
  options.max_queue = 100;
  options.node += "/urgent";  // rows of its own in the history
  return options;
}

class PostgresService final : public StoreService {
 public:
  explicit PostgresService(const StoreOptions& options)
      : url_(options.postgres),
        bulletin_(url_, options.node),
        readers_(options, [this] { return Connect(); }),
        urgent_(
            Urgent(options), [this] { return Connect(); }, health_),
        writer_(
            options, [this] { return Connect(); }, health_) {}

  void Write(Work work, Done done) override { writer_.Write(std::move(work), std::move(done)); }
  void WriteEnd(const AttemptRef& ref, Work work, Done done) override {
    writer_.Write(std::move(work), std::move(done), ref);
  }
  void WriteUrgent(Work work, Done done) override {
    urgent_.Write(std::move(work), std::move(done));
  }
  void Read(Work work, Done done) override { readers_.Read(std::move(work), std::move(done)); }
  void OnCommit(std::function<void(const Committed&)> observer) override {
    bulletin_.OnNews(observer);
    writer_.OnCommit([this, observer](const Committed& committed) {
      bulletin_.Post(committed);
      observer(committed);
    });
  }
  Health health() const override { return health_.Read(); }
  Figures figures() const override {
    return {health_.commits, health_.writes, writer_.queue(), health_.failed_commits, 0};
  }

 private:
  std::unique_ptr<Database> Connect() const { return PostgresDatabase::Open({.url = url_}); }

  const std::string url_;
  HealthBoard health_;
  PostgresBulletin bulletin_;
  Readers readers_;
  Writer urgent_;
  Writer writer_;  // the first to go: what it commits may still be read and told
};

}  // namespace

Result<std::unique_ptr<StoreService>> OpenPostgres(const StoreOptions& options) {
  std::string shown = WithoutSecrets(options.postgres);
  try {
    auto starting = PostgresDatabase::Open({.url = options.postgres, .lock_limit = Millis{60'000}});
    if (auto ready = MigratePostgres(*starting, shown); !ready) {
      return std::unexpected(ready.error());
    }
    if (auto whole = CheckTransferFinished(*starting, shown); !whole)
      return std::unexpected(whole.error());
    starting.reset();
    return std::make_unique<PostgresService>(options);
  } catch (const DatabaseError& error) {
    return Fail(ErrorCode::kUnavailable, fmt::format("{} cannot be used: {}", shown, error.what()));
  }
}

}  // namespace forager::store
