// Fans out what happens to the readers of GET /events, with a bounded memory for Last-Event-ID.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "http/server.h"

namespace forager::api {

class EventHub {
 public:
  EventHub();
  // Thread-safe. `type`: job, log, stats, monitor, node. `data`: one JSON value.
  void Publish(const std::string& type, const std::string& data);
  // Sends what followed `last_event_id` (or "event: reset" when that is too long ago), then everything new.
  void Subscribe(std::shared_ptr<http::EventStream> stream, const std::string& last_event_id, std::vector<std::string> types);
  void KeepAlive();  // a comment line to each stream; called every 15 s
  void Close();
  bool HasSubscribers() const;

 private:
  struct Entry { std::uint64_t id; std::string type; std::string text; };
  struct Subscriber { std::shared_ptr<http::EventStream> stream; std::vector<std::string> types; };
  mutable std::mutex mutex_;
  std::string epoch_;
  std::uint64_t next_id_ = 1;
  std::deque<Entry> recent_;
  std::vector<Subscriber> subscribers_;
};

}  // namespace forager::api
