// Requests that wait for the end of a job (POST /jobs/{id}/execute) without holding a thread: woken
// by commits and by the tick of the composition root. Never reads the store itself.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "api/reader.h"
#include "os/clock.h"
#include "store/store_service.h"

namespace forager::api {

class JobWaiters {
 public:
  // `expired`: the deadline has passed; nothing comes after that. Must not block.
  using Wake = std::function<void(bool expired)>;

  explicit JobWaiters(const os::Clock& clock, std::size_t max = 1'000) : clock_(clock), max_(max) {}

  // 0 when too many wait already. `wake` may be called before Add returns.
  std::uint64_t Add(const std::string& job_id, Reader reader, os::Steady deadline, Wake wake);
  void Remove(std::uint64_t id);

  // From the commit observer. Thread-safe.
  void Notify(const store::Committed& committed);
  // Those who showed something to be let in.
  std::vector<Reader> Readers() const;
  void WakeCaller(const std::string& caller);  // whose token or session is over
  // Every 100 ms or so: ends the waits whose deadline has passed.
  void Tick();
  // Ends every wait now: the server is about to stop.
  void Close();
  std::size_t size() const;

 private:
  struct Waiter {
    std::string job_id;
    Reader reader;
    os::Steady deadline;
    std::shared_ptr<Wake> wake;
  };
  void Expire(os::Steady now, bool all);
  void WakeThose(const std::function<bool(const Waiter&)>& chosen);

  const os::Clock& clock_;
  const std::size_t max_;
  mutable std::mutex mutex_;
  std::uint64_t next_id_ = 1;
  std::map<std::uint64_t, Waiter> waiters_;
};

}  // namespace forager::api
