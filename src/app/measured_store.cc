#include "app/measured_store.h"

#include <chrono>

namespace forager::app {
namespace {

using Clock = std::chrono::steady_clock;

class MeasuredStore final : public store::StoreService {
 public:
  MeasuredStore(std::unique_ptr<StoreService> store, ToldLatency told_write, ToldLatency told_read)
      : told_write_(std::move(told_write)),
        told_read_(std::move(told_read)),
        store_(std::move(store)) {}

  void Write(Work work, Done done) override {
    store_->Write(std::move(work), Timed(told_write_, std::move(done)));
  }
  void WriteEnd(const AttemptRef& ref, Work work, Done done) override {
    store_->WriteEnd(ref, std::move(work), Timed(told_write_, std::move(done)));
  }
  void WriteUrgent(Work work, Done done) override {
    store_->WriteUrgent(std::move(work), Timed(told_write_, std::move(done)));
  }
  void Read(Work work, Done done) override {
    store_->Read(std::move(work), Timed(told_read_, std::move(done)));
  }
  void OnCommit(std::function<void(const store::Committed&)> observer) override {
    store_->OnCommit(std::move(observer));
  }
  store::Health health() const override { return store_->health(); }
  Figures figures() const override { return store_->figures(); }

 private:
  static Done Timed(const ToldLatency& told, Done done) {
    return [&told, done = std::move(done), began = Clock::now()](Result<void> result) {
      bool failed = !result && (result.error().code == ErrorCode::kUnavailable ||
                                result.error().code == ErrorCode::kInternal);
      told(std::chrono::duration<double>(Clock::now() - began).count(), failed);
      done(std::move(result));
    };
  }

  const ToldLatency told_write_, told_read_;
  std::unique_ptr<StoreService> store_;  // the first to go: its last answers are measured too
};

}  // namespace

std::unique_ptr<store::StoreService> Measure(std::unique_ptr<store::StoreService> store,
                                             ToldLatency told_write, ToldLatency told_read) {
  return std::make_unique<MeasuredStore>(std::move(store), std::move(told_write),
                                         std::move(told_read));
}

}  // namespace forager::app
