// What tokens and sessions need beside requests: event streams and waits for jobs end with them,
// whichever server they ended on, and the time of a token's last use is written, once a minute at
// most. Owned by MakeApi.
#pragma once

#include <atomic>
#include <memory>

#include "api/call.h"

namespace forager::api {

class AccessCare : public std::enable_shared_from_this<AccessCare> {
 public:
  explicit AccessCare(std::shared_ptr<const Services> services) : services_(std::move(services)) {}
  void Tick();

 private:
  void CheckReaders();
  void WriteUses();

  const std::shared_ptr<const Services> services_;
  std::atomic<bool> checking_ = false;
  std::atomic<bool> writing_ = false;
  std::size_t next_ = 0;  // of the readers; guarded by `checking_`
};

}  // namespace forager::api
