#include "os/service_notice.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "os/descriptor.h"

namespace forager::os {
namespace {

std::int64_t Number(const char* name) {
  const char* text = std::getenv(name);
  std::int64_t value = 0;
  if (text) std::from_chars(text, text + std::strlen(text), value);
  return value;
}

}  // namespace

void TellServiceManager(std::string_view lines) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  sockaddr_un address{};
  if (!path || (path[0] != '/' && path[0] != '@')) return;
  const std::size_t length = std::strlen(path);
  if (length >= sizeof address.sun_path) return;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path, length);
  if (path[0] == '@') address.sun_path[0] = '\0';  // an abstract name
  Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return;
  sendto(socket.get(), lines.data(), lines.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
         reinterpret_cast<const sockaddr*>(&address),
         static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length));
}

std::optional<std::chrono::milliseconds> WatchdogInterval() {
  const std::int64_t micros = Number("WATCHDOG_USEC"), pid = Number("WATCHDOG_PID");
  if (micros < 1'000 || (pid != 0 && pid != getpid())) return std::nullopt;
  return std::chrono::milliseconds(micros / 1'000);
}

}  // namespace forager::os
