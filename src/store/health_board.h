// What the store's threads know of the disk: the last failure in one sentence, and the figures.
// Shared by the writer, the readers and the checkpointer; read by everybody.
#pragma once

#include <atomic>
#include <mutex>
#include <string>

#include "store/store_service.h"

namespace forager::store {

class HealthBoard {
 public:
  void Bad(const std::string& reason);
  // For good: only a restart helps.
  void Lost(const std::string& reason);
  void Good();
  Health Read() const;
  bool ok() const { return ok_.load(std::memory_order_acquire); }

  std::atomic<std::uint64_t> commits{0}, writes{0}, failed_commits{0}, wal_bytes{0};

 private:
  std::atomic<bool> ok_{true};
  mutable std::mutex mutex_;
  std::string reason_;
  bool lost_ = false;
};

}  // namespace forager::store
