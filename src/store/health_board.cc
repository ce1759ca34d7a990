#include "store/health_board.h"

#include "os/log.h"

namespace forager::store {

void HealthBoard::Bad(const std::string& reason) {
  std::lock_guard lock(mutex_);
  if (!ok_ && reason_ == reason) return;
  reason_ = reason;
  ok_.store(false, std::memory_order_release);
  os::LogError("Store: " + reason);
}

void HealthBoard::Lost(const std::string& reason) {
  Bad(reason);
  std::lock_guard lock(mutex_);
  lost_ = true;
}

void HealthBoard::Good() {
  if (ok()) return;
  std::lock_guard lock(mutex_);
  if (lost_) return;
  ok_.store(true, std::memory_order_release);
  reason_.clear();
  os::LogInfo("Store: the database can be written again.");
}

Health HealthBoard::Read() const {
  std::lock_guard lock(mutex_);
  return Health{ok_, reason_, lost_};
}

}  // namespace forager::store
