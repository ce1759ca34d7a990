// Brings what other threads have for connections to the I/O thread. Many letters, one wake-up.
// Letters that come after the server is gone are thrown away.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "http/server.h"

namespace forager::http {

class Connection;

struct Letter {
  std::weak_ptr<Connection> to;
  std::uint64_t request = 0;         // the connection's how-manieth request this answers
  std::optional<Response> response;  // none: look at the event stream
  bool admission = false;            // whether the body may come; a response: it may not
};

class Mailbox {
 public:
  // `wake` must see to it that Collect is called on the I/O thread.
  explicit Mailbox(std::function<void()> wake) : wake_(std::move(wake)) {}

  void Put(Letter letter);        // any thread
  std::vector<Letter> Collect();  // the I/O thread
  void Close();                   // before what `wake` uses goes away

 private:
  std::mutex mutex_;
  std::function<void()> wake_;  // empty: closed
  std::vector<Letter> letters_;
};

}  // namespace forager::http
