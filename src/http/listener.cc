#include "http/listener.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <cstring>

#include "os/clock.h"
#include "os/log.h"

namespace forager::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr int kBacklog = 1024;
constexpr int kAcceptsPerTurn = 64;  // then the clients already here get theirs
constexpr std::chrono::milliseconds kRest{100};
constexpr std::chrono::seconds kBetweenWarnings{10};

std::string PeerOf(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET6) {
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, text,
              sizeof text);
  } else {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, text, sizeof text);
  }
  return text;
}

bool IsOutOfResources(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

class SocketListener final : public Listener, public std::enable_shared_from_this<SocketListener> {
 public:
  SocketListener(asio::io_context& io, tcp::acceptor acceptor,
                 std::function<void(Accepted)> on_accepted)
      : acceptor_(std::move(acceptor)), rest_(io), on_accepted_(std::move(on_accepted)) {}

  std::uint16_t port() const override {
    error_code error;
    return acceptor_.local_endpoint(error).port();
  }

  void Wait() {
    acceptor_.async_wait(tcp::acceptor::wait_read,
                         [self = shared_from_this()](const error_code& error) {
                           if (!error) self->AcceptSome();
                         });
  }

  void Close() {
    error_code ignored;
    acceptor_.close(ignored);
    rest_.cancel();
  }

 private:
  void AcceptSome() {
    for (int i = 0; i < kAcceptsPerTurn && acceptor_.is_open(); ++i) {
      sockaddr_storage address{};
      socklen_t length = sizeof address;
      // Not the library's accept: that leaves the socket open across exec for a moment.
      os::Descriptor socket(accept4(acceptor_.native_handle(),
                                    reinterpret_cast<sockaddr*>(&address), &length,
                                    SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (socket) {
        on_accepted_({std::move(socket), address.ss_family == AF_INET6, PeerOf(address)});
        continue;
      }
      if (errno == EAGAIN || errno == EWOULDBLOCK) break;
      if (IsOutOfResources(errno)) return Rest(errno);
    }
    if (acceptor_.is_open()) Wait();
  }

  void Rest(int error) {
    const os::Steady now = os::SystemClock().SteadyNow();
    if (now >= next_warning_) {
      next_warning_ = now + kBetweenWarnings;
      os::LogWarning(fmt::format("Cannot accept clients just now: {}", std::strerror(error)));
    }
    rest_.expires_after(kRest);
    rest_.async_wait([self = shared_from_this()](const error_code& cancelled) {
      if (!cancelled) self->AcceptSome();
    });
  }

  tcp::acceptor acceptor_;
  asio::steady_timer rest_;
  const std::function<void(Accepted)> on_accepted_;
  os::Steady next_warning_{};
};

// The owner's end; the other one is held by what the socket waits for.
class OwnedListener final : public Listener {
 public:
  explicit OwnedListener(std::shared_ptr<SocketListener> listener)
      : listener_(std::move(listener)) {}
  ~OwnedListener() override { listener_->Close(); }
  std::uint16_t port() const override { return listener_->port(); }

 private:
  const std::shared_ptr<SocketListener> listener_;
};

std::unexpected<Error> CannotListen(const ListenAddress& address, const char* why) {
  const bool v6 = address.host.find(':') != std::string::npos;
  return Fail(ErrorCode::kUnavailable, fmt::format("cannot listen on {}{}{}:{}: {}", v6 ? "[" : "",
                                                   address.host, v6 ? "]" : "", address.port, why));
}

Result<os::Descriptor> Bind(const addrinfo& info, const ListenAddress& address) {
  os::Descriptor socket(
      ::socket(info.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
  if (!socket) return CannotListen(address, std::strerror(errno));
  const int on = 1;
  setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(socket.get(), info.ai_addr, info.ai_addrlen) != 0 ||
      listen(socket.get(), kBacklog) != 0) {
    return CannotListen(address, std::strerror(errno));
  }
  return socket;
}

}  // namespace

Result<ListenAddress> ParseListenAddress(const std::string& text) {
  const auto wrong = [&] {
    return Fail(ErrorCode::kInvalid,
                fmt::format("cannot listen on \"{}\": it must be host:port or [v6]:port, "
                            "with a port from 0 to 65535",
                            text));
  };
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) return wrong();
  ListenAddress address;
  address.host = text.substr(0, colon);
  const std::string_view port = std::string_view(text).substr(colon + 1);
  const auto parsed = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (parsed.ec != std::errc() || parsed.ptr != port.data() + port.size()) return wrong();
  if (address.host.starts_with('[') && address.host.ends_with(']')) {
    address.host = address.host.substr(1, address.host.size() - 2);
  } else if (address.host.find(':') != std::string::npos) {
    return wrong();
  }
  if (address.host.empty()) return wrong();
  return address;
}

Result<std::unique_ptr<Listener>> Listener::Open(asio::io_context& io, const ListenAddress& address,
                                                 std::function<void(Accepted)> on_accepted) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int status =
      getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found);
  if (status != 0) return CannotListen(address, gai_strerror(status));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> infos(found, &freeaddrinfo);

  Result<os::Descriptor> socket = Bind(*infos, address);
  if (!socket) return std::unexpected(socket.error());
  tcp::acceptor acceptor(io);
  error_code error;
  acceptor.assign(infos->ai_family == AF_INET6 ? tcp::v6() : tcp::v4(), socket->get(), error);
  if (error) return CannotListen(address, error.message().c_str());
  socket->Release();
  auto listener = std::make_shared<SocketListener>(io, std::move(acceptor), std::move(on_accepted));
  listener->Wait();
  return std::make_unique<OwnedListener>(std::move(listener));
}

}  // namespace forager::http
