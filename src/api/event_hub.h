// Fans out what happens to the readers of GET /events, with a bounded memory for Last-Event-ID.
// Never waits for a reader: one that is too slow is dropped and comes back with its last id.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "api/reader.h"
#include "http/server.h"
#include "store/store.h"

namespace forager::api {

class EventHub {
 public:
  struct Limits {
    std::size_t total = 2'000;
    std::size_t per_caller = 1'000;  // by one token, session or address
  };
  EventHub();
  explicit EventHub(Limits limits);
  // Thread-safe. `type`: job, log, stats, monitor, node, schedule. `data`: one JSON value.
  // `job_id`: whose, if any.
  void Publish(const std::string& type, const std::string& data, const std::string& job_id = "");

  struct Wish {
    std::vector<std::string> types;  // none: all
    std::string job_id;              // none: all; given: only events of this job
    std::string caller{};            // who asks, as Caller::key; none: without access control
    std::string address{};           // and from where
    store::Credential shown{};
  };
  // Sends what followed `last_event_id` (or "event: reset" when that is too long ago), then
  // everything new.
  void Subscribe(std::shared_ptr<http::EventStream> stream, const std::string& last_event_id,
                 Wish wish);
  void End(const std::string& caller);  // whose token or session is over
  void KeepAlive();                     // a comment line to each stream; called every 15 s
  void Close();
  // Somebody reads, or read within the last minutes and may come back for what was missed.
  bool InDemand() const;
  enum class Room { kYes, kFull, kCallerFull };
  Room RoomFor(const Wish& wish) const;
  // Those who showed something to be let in, each of them once.
  std::vector<Reader> Readers() const;

 private:
  struct Entry {
    std::uint64_t id;
    std::string type;
    std::string job_id;
    std::string text;
  };
  struct Subscriber {
    std::shared_ptr<http::EventStream> stream;
    Wish wish;
  };
  static bool Wanted(const Wish& wish, const Entry& entry);
  bool Replay(http::EventStream& stream, const std::string& last_event_id, const Wish& wish) const;

  Room RoomLocked(const Wish& wish) const;

  const Limits limits_;
  mutable std::mutex mutex_;
  std::string epoch_;
  std::uint64_t next_id_ = 1;
  std::deque<Entry> recent_;
  std::size_t recent_bytes_ = 0;
  std::vector<Subscriber> subscribers_;
  int linger_ = 0;  // keep-alives until nobody is expected back
  bool closed_ = false;
};

}  // namespace forager::api
