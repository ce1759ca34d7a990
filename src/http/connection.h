// One client's connection: reads a request, hands it to the handler, writes the answer, then the
// next. Lives on the server's I/O thread; everything is called there. Pipelined requests wait in
// its buffer.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_set>

#include "http/gzip.h"
#include "http/mailbox.h"
#include "http/server.h"
#include "os/clock.h"
#include "os/descriptor.h"

namespace boost::asio {
class io_context;
}

namespace forager::http {

class Connection {
 public:
  virtual ~Connection() = default;
  virtual void Start() = 0;
  // Too many connections: says 503 and closes.
  virtual void StartRefused() = 0;
  // The handler's answer to request number `request`; late and second ones are dropped.
  virtual void Answer(std::uint64_t request, Response response) = 0;
  virtual void FlushStream() = 0;
  virtual void CheckDeadline(os::Steady now) = 0;
  virtual void CloseIfIdle() = 0;
  virtual void EndStream() = 0;
  virtual void Close() = 0;
};

// What the connections of one server share.
struct ConnectionContext {
  const ServerOptions& options;
  const Handler& handler;
  boost::asio::io_context& io;
  std::shared_ptr<Mailbox> mailbox;
  std::unordered_set<std::shared_ptr<Connection>> connections;
  std::unordered_set<std::shared_ptr<Connection>> refused;  // over the limit, being told so
  Gzip gzip;
  os::Steady now;  // renewed with each tick: no clock is read per request
  std::string date;
  bool draining = false;         // every answer is the connection's last
  std::uint64_t body_bytes = 0;  // of bodies being read, all connections together
  std::uint64_t id_seed = 0;     // of the request ids made here
  std::atomic<std::uint64_t> requests = 0;

  Response Problem(int status, const std::string& detail) const;
  std::string MakeRequestId();
};

// `socket` is non-blocking.
std::shared_ptr<Connection> MakeConnection(ConnectionContext& context, os::Descriptor socket,
                                           bool v6, std::string peer);

}  // namespace forager::http
