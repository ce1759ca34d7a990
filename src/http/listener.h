// The listening socket: accepts clients on the server's I/O thread. Out of descriptors it rests 100
// ms instead of spinning; it never ends by itself.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "job/error.h"
#include "os/descriptor.h"

namespace boost::asio {
class io_context;
}

namespace forager::http {

struct ListenAddress {
  std::string host;  // as given, v6 without brackets
  std::uint16_t port = 0;
};

// "host:port" or "[v6]:port".
Result<ListenAddress> ParseListenAddress(const std::string& text);

struct Accepted {
  os::Descriptor socket;  // non-blocking
  bool v6 = false;
  std::string peer;  // numeric address
};

class Listener {
 public:
  virtual ~Listener() = default;  // on the I/O thread, or when it no longer runs
  static Result<std::unique_ptr<Listener>> Open(boost::asio::io_context& io,
                                                const ListenAddress& address,
                                                std::function<void(Accepted)> on_accepted);
  virtual std::uint16_t port() const = 0;
};

}  // namespace forager::http
