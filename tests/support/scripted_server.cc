#include "tests/support/scripted_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>

namespace forager::testing {

bool ScriptedServer::Exchange::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    pollfd waits[2] = {{fd_, POLLOUT, 0}, {server_.wake_[0], POLLIN, 0}};
    if (poll(waits, 2, 10'000) <= 0 || waits[1].revents != 0) return false;
    const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool ScriptedServer::Exchange::Pause(std::chrono::milliseconds time) {
  std::unique_lock lock(server_.mutex_);
  return !server_.stopping_changed_.wait_for(lock, time, [this] { return server_.stopping_; });
}

void ScriptedServer::Exchange::Hang() {
  pollfd waits[2] = {{fd_, POLLRDHUP, 0}, {server_.wake_[0], POLLIN, 0}};
  poll(waits, 2, 30'000);
}

ScriptedServer::ScriptedServer(std::map<std::string, Script> scripts, bool ipv6)
    : ipv6_(ipv6), scripts_(std::move(scripts)) {
  listener_ = socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_addr = in6addr_loopback;
  auto* address = ipv6 ? reinterpret_cast<sockaddr*>(&v6) : reinterpret_cast<sockaddr*>(&v4);
  socklen_t size = ipv6 ? sizeof v6 : sizeof v4;
  if (bind(listener_, address, size) != 0 || listen(listener_, 64) != 0 || pipe(wake_) != 0)
    std::abort();
  getsockname(listener_, address, &size);
  port_ = ntohs(ipv6 ? v6.sin6_port : v4.sin_port);
  acceptor_ = std::thread([this] { Accept(); });
}

ScriptedServer::~ScriptedServer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stopping_changed_.notify_all();
  [[maybe_unused]] const auto written = write(wake_[1], "x", 1);
  acceptor_.join();
  for (std::thread& connection : connections_) connection.join();
  close(listener_);
  close(wake_[0]);
  close(wake_[1]);
}

std::string ScriptedServer::Authority() const {
  return (ipv6_ ? "[::1]:" : "127.0.0.1:") + std::to_string(port_);
}

void ScriptedServer::Set(const std::string& target, Script script) {
  const std::lock_guard lock(mutex_);
  scripts_[target] = std::move(script);
}

std::vector<std::string> ScriptedServer::Targets() const {
  const std::lock_guard lock(mutex_);
  return targets_;
}

std::string ScriptedServer::LastHead() const {
  const std::lock_guard lock(mutex_);
  return last_head_;
}

void ScriptedServer::Accept() {
  while (true) {
    pollfd waits[2] = {{listener_, POLLIN, 0}, {wake_[0], POLLIN, 0}};
    if (poll(waits, 2, -1) < 0 || waits[1].revents != 0) return;
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) connections_.emplace_back([this, fd] { Serve(fd); });
  }
}

void ScriptedServer::Serve(int fd) {
  Exchange exchange(*this, fd);
  char buffer[4096];
  while (exchange.head_.find("\r\n\r\n") == std::string::npos && exchange.head_.size() < 65536) {
    pollfd waits[2] = {{fd, POLLIN, 0}, {wake_[0], POLLIN, 0}};
    if (poll(waits, 2, 10'000) <= 0 || waits[1].revents != 0) break;
    const ssize_t got = recv(fd, buffer, sizeof buffer, 0);
    if (got <= 0) break;
    exchange.head_.append(buffer, static_cast<std::size_t>(got));
  }
  const auto begin = exchange.head_.find(' ') + 1;
  const std::string target = exchange.head_.substr(begin, exchange.head_.find(' ', begin) - begin);
  Script script = Answer(404, "not here");
  {
    const std::lock_guard lock(mutex_);
    targets_.push_back(target);
    last_head_ = exchange.head_;
    if (const auto found = scripts_.find(target); found != scripts_.end()) script = found->second;
  }
  script(exchange);
  shutdown(fd, SHUT_WR);
  close(fd);
}

ScriptedServer::Script Raw(const std::string& bytes) {
  return [bytes](ScriptedServer::Exchange& exchange) { exchange.Send(bytes); };
}

ScriptedServer::Script Answer(int status, const std::string& body, const std::string& headers) {
  return Raw("HTTP/1.1 " + std::to_string(status) +
             " Scripted\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) +
             "\r\n" + headers + "\r\n" + body);
}

ScriptedServer::Script Redirect(int status, const std::string& location) {
  return Answer(status, "", "Location: " + location + "\r\n");
}

}  // namespace forager::testing
