#include "store/checkpointer.h"

#include "os/log.h"

namespace forager::store {
namespace {

constexpr int kPageBytes = 4'096;
constexpr int kPagesWorthIt = 1'000;              // 4 MiB
constexpr std::chrono::milliseconds kPause{200};  // after a failure
constexpr std::chrono::seconds kLook{1};          // at the files, while nobody writes

}  // namespace

Checkpointer::Checkpointer(Open open, HealthBoard& health)
    : open_(std::move(open)), health_(health), thread_([this] { Loop(); }) {}

Checkpointer::~Checkpointer() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Checkpointer::LogPages(int pages) {
  health_.wal_bytes.store(static_cast<std::uint64_t>(pages) * kPageBytes,
                          std::memory_order_relaxed);
  {
    std::lock_guard lock(mutex_);
    pages_ = pages;
  }
  if (pages >= kPagesWorthIt) wake_.notify_one();
}

void Checkpointer::Loop() {
  for (;;) {
    bool copy = false;
    {
      std::unique_lock lock(mutex_);
      copy = wake_.wait_for(lock, kLook, [this] { return stopping_ || pages_ >= kPagesWorthIt; });
      if (stopping_) return;
      if (copy) pages_ = 0;  // the next commit says it again
    }
    RunOnce(copy);
  }
}

void Checkpointer::RunOnce(bool copy) {
  try {
    if (!database_) database_ = open_();
    database_->CheckFile();
    if (copy) database_->CheckpointPassive();
  } catch (const DatabaseError& error) {
    if (error.fault == Fault::kGone) return health_.Lost(error.what());
    os::LogWarning("Store: a checkpoint failed", {{"error", error.what()}});
    if (error.fault != Fault::kFull) database_.reset();
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, kPause, [this] { return stopping_; });
  }
}

}  // namespace forager::store
