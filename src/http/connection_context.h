// What the connections of one server share. Used on its I/O thread only, but for the counter.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "http/gzip.h"
#include "http/mailbox.h"
#include "http/server.h"
#include "http/tls_context.h"
#include "os/clock.h"

namespace boost::asio {
class io_context;
}

namespace forager::http {

class Connection;

struct ConnectionContext {
  const ServerOptions& options;
  const Handler& handler;
  boost::asio::io_context& io;
  std::shared_ptr<Mailbox> mailbox;
  std::unordered_set<std::shared_ptr<Connection>> connections;
  std::unordered_set<std::shared_ptr<Connection>> refused;  // over the limit, being told so
  std::unordered_map<std::string, int> by_address;          // of `connections`, by AddressKey
  Gzip gzip;
  os::Steady now;  // renewed with each tick: no clock is read per request
  std::string date;
  bool draining = false;                    // every answer is the connection's last
  std::uint64_t body_bytes = 0;             // of bodies being read, all connections together
  std::shared_ptr<const TlsContext> tls{};  // none: plain HTTP
  std::uint64_t waits = 0;                  // counts the times that a connection began to wait
  std::uint64_t id_seed = 0;                // of the request ids made here
  std::atomic<std::uint64_t> requests = 0;

  Response Problem(int status, const std::string& detail) const;
  std::string MakeRequestId();
  // A connection that counts, and no longer.
  void Insert(const std::shared_ptr<Connection>& connection, const std::string& address);
  void Erase(const std::shared_ptr<Connection>& connection, const std::string& address);
};

}  // namespace forager::http
