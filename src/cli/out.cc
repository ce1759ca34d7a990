#include "cli/out.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

namespace forager::cli {
namespace {

constexpr std::size_t kPiece = 64 * 1024;

}  // namespace

void Out::Write(std::string_view text) {
  waiting_ += text;
  if (waiting_.size() >= kPiece) Flush();
}

void Out::Line(std::string_view text) {
  waiting_ += text;
  Write("\n");
}

void Out::Flush() {
  std::string_view left = waiting_;
  while (!left.empty()) {
    ssize_t wrote = write(fd_, left.data(), left.size());
    if (wrote >= 0) {
      left.remove_prefix(static_cast<std::size_t>(wrote));
    } else if (errno == EAGAIN) {
      pollfd one{fd_, POLLOUT, 0};
      poll(&one, 1, -1);
    } else if (errno != EINTR) {
      waiting_.clear();
      throw BrokenOutput{errno};
    }
  }
  waiting_.clear();
}

}  // namespace forager::cli
