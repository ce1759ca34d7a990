#include "os/tcp_bytes.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "os/descriptor.h"

namespace forager::os {
namespace {

constexpr std::size_t kPart = 64 * 1024;
constexpr unsigned kConnected = (1 << 1) | (1 << 4) | (1 << 5) | (1 << 8) | (1 << 9) | (1 << 11);

bool Ask(int fd, int family) {
  struct {
    nlmsghdr head;
    inet_diag_req_v2 body;
  } request{};
  request.head.nlmsg_len = sizeof request;
  request.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.body.sdiag_family = static_cast<__u8>(family);
  request.body.sdiag_protocol = IPPROTO_TCP;
  request.body.idiag_ext = 1 << (INET_DIAG_INFO - 1);
  request.body.idiag_states = kConnected;
  return send(fd, &request, sizeof request, 0) == sizeof request;
}

// False: this family is done.
bool TakePart(int fd, std::vector<char>& buffer, TcpDump& dump) {
  ssize_t got;
  do {
    got = recv(fd, buffer.data(), buffer.size(), 0);
  } while (got < 0 && errno == EINTR);
  if (got <= 0) return dump.complete = false;
  auto left = static_cast<unsigned>(got);
  auto* message = reinterpret_cast<nlmsghdr*>(buffer.data());
  for (; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
    if (message->nlmsg_type == NLMSG_DONE) return false;
    if (message->nlmsg_type == NLMSG_ERROR) return dump.complete = false;
    auto* about = static_cast<inet_diag_msg*>(NLMSG_DATA(message));
    auto wanted = dump.connections.find(about->idiag_inode);
    if (wanted == dump.connections.end()) continue;
    auto rest = static_cast<unsigned>(message->nlmsg_len - NLMSG_LENGTH(sizeof *about));
    auto* attribute = reinterpret_cast<rtattr*>(about + 1);
    for (; RTA_OK(attribute, rest); attribute = RTA_NEXT(attribute, rest)) {
      if (attribute->rta_type != INET_DIAG_INFO) continue;
      tcp_info info{};  // an older kernel's is shorter
      std::memcpy(&info, RTA_DATA(attribute),
                  std::min<std::size_t>(sizeof info, RTA_PAYLOAD(attribute)));
      // The opening of a connection is acknowledged as if it were a byte.
      bool sent = info.tcpi_data_segs_out > 0;
      wanted->second = {static_cast<std::int64_t>(info.tcpi_bytes_received),
                        sent ? static_cast<std::int64_t>(info.tcpi_bytes_acked) : 0,
                        info.tcpi_data_segs_in, info.tcpi_data_segs_out};
    }
  }
  return true;
}

}  // namespace

TcpDump DumpTcp(std::unordered_map<std::uint64_t, TcpBytes> wanted) {
  TcpDump dump{std::move(wanted)};
  if (dump.connections.empty()) return dump;
  Descriptor asked(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG));
  std::vector<char> buffer(kPart);
  for (int family : {AF_INET, AF_INET6}) {
    dump.complete = dump.complete && asked && Ask(asked.get(), family);
    while (dump.complete && TakePart(asked.get(), buffer, dump)) {
    }
  }
  return dump;
}

}  // namespace forager::os
