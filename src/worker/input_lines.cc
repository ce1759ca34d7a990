#include "worker/input_lines.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>

#include "os/clock.h"

namespace forager::worker {
namespace {

constexpr std::size_t kMaxLine = 8 << 20;

}  // namespace

bool InputLines::TakeLine(std::string& line) {
  const auto end = held_.find('\n', searched_);
  if (end == std::string::npos) {
    searched_ = held_.size();
    return false;
  }
  line = held_.substr(0, end);
  held_.erase(0, end + 1);
  searched_ = 0;
  return true;
}

InputLines::Got InputLines::Next(std::string& line, std::optional<Millis> limit) {
  const os::Steady began = os::SystemClock().SteadyNow();
  std::array<char, 16 * 1024> part;
  while (!TakeLine(line)) {
    int wait = -1;
    if (limit) {
      const auto left = std::chrono::ceil<Millis>(began + *limit - os::SystemClock().SteadyNow());
      if (left <= Millis{0}) return Got::kLate;
      wait = static_cast<int>(left.count());
    }
    pollfd input{fd_, POLLIN, 0};
    if (poll(&input, 1, wait) <= 0) continue;
    const ssize_t got = read(fd_, part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 || held_.size() + static_cast<std::size_t>(got) > kMaxLine) return Got::kEnd;
    held_.append(part.data(), static_cast<std::size_t>(got));
  }
  return Got::kLine;
}

}  // namespace forager::worker
