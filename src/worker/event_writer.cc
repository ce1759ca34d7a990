#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "worker/worker.h"

namespace forager::worker {

void EventWriter::Write(const Event& event) {
  std::string line = WriteEvent(event);
  for (std::string_view rest = line; !rest.empty();) {
    ssize_t wrote = write(fd_, rest.data(), rest.size());
    if (wrote >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(wrote));
    } else if (errno == EAGAIN) {
      pollfd wait{fd_, POLLOUT, 0};
      poll(&wait, 1, -1);
    } else if (errno != EINTR) {
      _exit(1);  // nobody listens any more
    }
  }
}

}  // namespace forager::worker
