#include "os/closed_tcp.h"

#include <dirent.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace forager::os {
namespace {

constexpr int kMaxMessages = 4096;  // more than the socket holds

std::set<int> OwnPorts() {
  std::set<int> ports;
  std::unique_ptr<DIR, int (*)(DIR*)> files(opendir("/proc/self/fd"), closedir);
  while (dirent* entry = files ? readdir(files.get()) : nullptr) {
    int fd = std::atoi(entry->d_name), accepts = 0;
    socklen_t size = sizeof accepts;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &size) != 0 || !accepts) continue;
    sockaddr_storage address{};
    size = sizeof address;
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) continue;
    if (address.ss_family == AF_INET)
      ports.insert(reinterpret_cast<sockaddr_in&>(address).sin_port);
    if (address.ss_family == AF_INET6)
      ports.insert(reinterpret_cast<sockaddr_in6&>(address).sin6_port);
  }
  return ports;
}

bool HadMoved(nlmsghdr* message, const inet_diag_msg& about) {
  auto rest = static_cast<unsigned>(message->nlmsg_len - NLMSG_LENGTH(sizeof about));
  auto* attribute = reinterpret_cast<rtattr*>(reinterpret_cast<char*>(NLMSG_DATA(message)) +
                                              NLMSG_ALIGN(sizeof about));
  for (; RTA_OK(attribute, rest); attribute = RTA_NEXT(attribute, rest)) {
    if (attribute->rta_type != INET_DIAG_INFO) continue;
    tcp_info info{};
    std::memcpy(&info, RTA_DATA(attribute),
                std::min<std::size_t>(sizeof info, RTA_PAYLOAD(attribute)));
    return info.tcpi_bytes_received > 0;
  }
  return false;
}

}  // namespace

ClosedTcp::ClosedTcp()
    : socket_(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG)),
      own_ports_(OwnPorts()) {
  sockaddr_nl anybody{};  // without an address it would count as the kernel's own
  anybody.nl_family = AF_NETLINK;
  bool listens =
      socket_ && bind(socket_.get(), reinterpret_cast<sockaddr*>(&anybody), sizeof anybody) == 0;
  for (int group : {SKNLGRP_INET_TCP_DESTROY, SKNLGRP_INET6_TCP_DESTROY}) {
    listens = listens && setsockopt(socket_.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group,
                                    sizeof group) == 0;
  }
  if (!listens) socket_.Close();
}

bool ClosedTcp::Take() {
  bool any = false;
  alignas(nlmsghdr) std::array<char, 8192> buffer;
  for (int i = 0; i < kMaxMessages && socket_; ++i) {
    ssize_t got = recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == ENOBUFS) {  // more ended than it holds
      any = true;
      continue;
    }
    if (got <= 0) break;
    auto left = static_cast<unsigned>(got);
    auto* message = reinterpret_cast<nlmsghdr*>(buffer.data());
    for (; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
      if (message->nlmsg_type != SOCK_DIAG_BY_FAMILY) continue;
      const auto& about = *static_cast<inet_diag_msg*>(NLMSG_DATA(message));
      bool ours =
          own_ports_.contains(about.id.idiag_sport) || own_ports_.contains(about.id.idiag_dport);
      any |= !ours && HadMoved(message, about);
    }
  }
  return any;
}

}  // namespace forager::os
