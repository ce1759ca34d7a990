// Delivers the messages of one receiver, on a thread of its own: a receiver that is slow or dead
// keeps nobody waiting but itself. Takes them from the outbox, tries again with growing waits,
// gives up.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "alerts/config.h"
#include "os/clock.h"
#include "store/store_service.h"

namespace forager::alerts {

struct Patience {
  Millis timeout{10'000};
  Millis retry{5'000};
  int max_tries = 10;

  bool operator==(const Patience&) const = default;
};

class Courier {
 public:
  Courier(Receiver receiver, Patience patience, store::StoreService& store, const os::Clock& clock);
  ~Courier();  // waits for the end of its thread

  // Ends soon, and a delivery that is under way with it: that is tried again by the next courier.
  // A mail server that does not answer is not waited for here.
  void Retire();
  bool ended() const { return ended_; }
  bool Serves(const Receiver& receiver, const Patience& patience) const {
    return receiver == receiver_ && patience == patience_;
  }

  void Wake();  // the outbox may have something; thread-safe
  // What cannot be stored, because the store is away: kept in memory, at most 20.
  void SendDirectly(store::AlertMessage message);

 private:
  struct Direct {
    store::AlertMessage message;
    os::Steady due{};
  };
  void Loop();
  bool DeliverDirect();
  bool DeliverStored();
  bool Deliver(const store::AlertMessage& message, std::string& error);
  Millis WaitAfter(int tries) const;
  std::optional<store::AlertMessage> Take();
  void Note(const store::AlertMessage& message, bool delivered, const std::string& error);

  const Receiver receiver_;
  const Patience patience_;
  store::StoreService& store_;
  const os::Clock& clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Direct> direct_;
  bool woken_ = false;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> ended_ = false;
  std::thread thread_;
};

}  // namespace forager::alerts
