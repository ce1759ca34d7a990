// One client's bytes, plain or through TLS, on the server's I/O thread. A connection reads and
// writes here and does not know which it is.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "http/tls_context.h"
#include "os/descriptor.h"

namespace boost::asio {
class io_context;
}

namespace forager::http {

enum class IoResult {
  kDone,
  kEnded,      // the client will send no more
  kPlainText,  // of Open: the client speaks HTTP without TLS; the channel now does, too
  kFailed,
};

// Who is told; kept alive by what is under way.
class ChannelUser {
 public:
  virtual ~ChannelUser() = default;
  virtual void OnOpened(IoResult result) = 0;
  virtual void OnRead(IoResult result, std::size_t bytes) = 0;
  virtual void OnWritten(IoResult result, std::size_t bytes) = 0;
};

// At most one reading and one writing at a time. Each tells its user once, never from within the
// call that began it, and also after Close.
class Channel {
 public:
  virtual ~Channel() = default;
  // The handshake, if there is one.
  virtual void Open(std::shared_ptr<ChannelUser> user) = 0;
  virtual void ReadSome(std::shared_ptr<ChannelUser> user, char* data, std::size_t size) = 0;
  // Some of `head`, then some of `body`; both stay the caller's.
  virtual void WriteSome(std::shared_ptr<ChannelUser> user, std::string_view head,
                         std::string_view body) = 0;
  // All of a few bytes at once, or nothing because there is no room (kEnded), or kFailed.
  virtual IoResult WriteNow(std::string_view text) = 0;
  // Nothing more will be written. What is read from now on is good for throwing away only.
  virtual void EndWriting() = 0;
  virtual void Close() = 0;
  virtual void Abort() = 0;  // the kernel, too, forgets what the client would not read
};

// `socket` is non-blocking; `tls` is none for plain HTTP. Null when the system refuses.
std::unique_ptr<Channel> MakeChannel(boost::asio::io_context& io, os::Descriptor socket, bool v6,
                                     std::shared_ptr<const TlsContext> tls);

}  // namespace forager::http
