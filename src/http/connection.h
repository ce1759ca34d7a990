// One client's connection: reads a request, hands it to the handler, writes the answer, then the
// next. Lives on the server's I/O thread; everything is called there. Pipelined requests wait in
// its buffer.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "http/connection_context.h"
#include "http/server.h"
#include "os/clock.h"
#include "os/descriptor.h"

namespace forager::http {

class Connection {
 public:
  virtual ~Connection() = default;
  virtual void Start() = 0;
  // One connection too many: says 503 and why, and closes.
  virtual void StartRefused(std::string why) = 0;
  // Whether the body of request number `request` may come.
  virtual void Admitted(std::uint64_t request, std::optional<Response> refusal) = 0;
  // The handler's answer to request number `request`; late and second ones are dropped.
  virtual void Answer(std::uint64_t request, Response response) = 0;
  virtual void FlushStream() = 0;
  virtual void CheckDeadline(os::Steady now) = 0;
  virtual void CloseIfIdle() = 0;
  virtual const std::string& address() const = 0;  // as it is counted, see AddressKey
  // A connection of nobody known that waits for a request may be closed for one more: those that
  // have waited longest, with the smallest number, first.
  virtual std::optional<std::uint64_t> MakesRoom() const = 0;
  virtual void EndStream() = 0;
  virtual void Close() = 0;
};

// `socket` is non-blocking.
std::shared_ptr<Connection> MakeConnection(ConnectionContext& context, os::Descriptor socket,
                                           bool v6, std::string peer);

}  // namespace forager::http
