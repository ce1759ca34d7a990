#include "os/socket_messages.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace forager::os {
namespace {

constexpr std::size_t kMaxDescriptors = 8;

}  // namespace

std::expected<std::pair<Descriptor, Descriptor>, int> MakeMessagePair() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
    return std::unexpected(errno);
  }
  std::pair<Descriptor, Descriptor> pair{Descriptor(ends[0]), Descriptor(ends[1])};
  int on = 1;
  if (setsockopt(ends[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0)
    return std::unexpected(errno);
  return pair;
}

Sent Send(int socket, std::string_view bytes, std::span<const int> descriptors) {
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxDescriptors)];
  if (!descriptors.empty()) {
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(rights), descriptors.data(), descriptors.size_bytes());
  }
  ssize_t sent;
  do {
    sent = sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0) return Sent::kDone;
  // ETOOMANYREFS: too many descriptors are under way; it passes like a full buffer does.
  bool full = errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM || errno == ETOOMANYREFS;
  return full ? Sent::kFull : Sent::kClosed;
}

Sent SendBlocking(int socket, std::string_view bytes) {
  while (true) {
    Sent sent = Send(socket, bytes);
    if (sent != Sent::kFull) return sent;
    pollfd wait{socket, POLLOUT, 0};
    poll(&wait, 1, 100);
  }
}

Received Receive(int socket, Message& message) {
  static thread_local std::array<char, kMaxMessage> buffer;
  iovec part{buffer.data(), buffer.size()};
  alignas(
      cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxDescriptors) + CMSG_SPACE(sizeof(ucred))];
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  ssize_t got;
  do {
    got = recvmsg(socket, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return errno == EAGAIN ? Received::kNothing : Received::kClosed;
  if (got == 0) return Received::kClosed;
  message.bytes.assign(buffer.data(), static_cast<std::size_t>(got));
  message.descriptors.clear();
  message.sender_pid = 0;
  message.descriptors_lost = header.msg_flags & MSG_CTRUNC;
  for (cmsghdr* item = CMSG_FIRSTHDR(&header); item; item = CMSG_NXTHDR(&header, item)) {
    if (item->cmsg_level != SOL_SOCKET) continue;
    if (item->cmsg_type == SCM_RIGHTS) {
      for (std::size_t at = 0; CMSG_LEN(at + sizeof(int)) <= item->cmsg_len; at += sizeof(int)) {
        int fd;
        std::memcpy(&fd, CMSG_DATA(item) + at, sizeof fd);
        message.descriptors.emplace_back(fd);
      }
    } else if (item->cmsg_type == SCM_CREDENTIALS) {
      ucred credentials;
      std::memcpy(&credentials, CMSG_DATA(item), sizeof credentials);
      message.sender_pid = credentials.pid;
    }
  }
  return Received::kMessage;
}

bool IsMessageSocket(int fd) {
  int type = 0;
  socklen_t size = sizeof type;
  return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
}

}  // namespace forager::os
