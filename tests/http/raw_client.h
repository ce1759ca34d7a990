// A socket that says to the server exactly what a test wants, and reads what comes back. Every wait
// has a deadline; none sleeps.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "http/client.h"
#include "http/request_head.h"
#include "http/server.h"
#include "os/descriptor.h"

namespace forager::http {

inline std::uint16_t PortOf(const Server& server) {
  const std::string url = server.url();
  return static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
}

class RawClient {
 public:
  using Deadline = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds kPatience{20};

  explicit RawClient(const Server& server, int receive_buffer = 0)
      : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer > 0) {
      setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    const int on = 1;
    setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(PortOf(server));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }

  bool connected() const { return connected_; }
  int fd() const { return socket_.get(); }

  // False when the server no longer takes it.
  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  void HalfClose() { shutdown(socket_.get(), SHUT_WR); }

  // One more piece into the buffer; false at the end, on an error, or out of patience.
  bool ReadMore(std::chrono::milliseconds patience = kPatience) {
    pollfd ready{socket_.get(), POLLIN, 0};
    if (poll(&ready, 1, static_cast<int>(patience.count())) <= 0) return false;
    char piece[16 * 1024];
    const ssize_t got = recv(socket_.get(), piece, sizeof piece, 0);
    if (got <= 0) {
      at_end_ = true;
      was_reset_ = got < 0;
      return false;
    }
    buffer_.append(piece, static_cast<std::size_t>(got));
    return true;
  }

  // The next answer, by its Content-Length; none when the server closed instead.
  std::optional<ClientResponse> ReadResponse(bool head_only = false) {
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!ReadMore()) return std::nullopt;
    }
    ClientResponse response;
    const std::string head = buffer_.substr(0, end + 2);
    buffer_.erase(0, end + 4);
    if (head.size() < 12 || !head.starts_with("HTTP/1.1 ")) return std::nullopt;
    response.status = std::stoi(head.substr(9, 3));
    std::size_t line = head.find("\r\n") + 2;
    while (line < head.size()) {
      const std::size_t next = head.find("\r\n", line);
      const std::size_t colon = head.find(": ", line);
      response.headers.emplace_back(head.substr(line, colon - line),
                                    head.substr(colon + 2, next - colon - 2));
      line = next + 2;
    }
    const std::string length(response.Header("Content-Length"));
    if (length.empty() || head_only) return response;
    while (buffer_.size() < std::stoul(length)) {
      if (!ReadMore()) return std::nullopt;
    }
    response.body = buffer_.substr(0, std::stoul(length));
    buffer_.erase(0, std::stoul(length));
    return response;
  }

  std::optional<ClientResponse> Ask(std::string_view request) {
    Send(request);
    return ReadResponse();
  }

  // All that comes until the server closes.
  std::string ReadToEnd() {
    while (ReadMore()) {
    }
    return buffer_;
  }

  std::string& buffer() { return buffer_; }
  bool at_end() const { return at_end_; }
  bool was_reset() const { return was_reset_; }

 private:
  os::Descriptor socket_;
  bool connected_ = false;
  bool at_end_ = false;
  bool was_reset_ = false;
  std::string buffer_;
};

}  // namespace forager::http
