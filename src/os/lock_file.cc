#include "os/lock_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace forager::os {
namespace {

struct flock Range(short type, std::uint32_t start, std::uint32_t length) {
  struct flock lock{};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = start;
  lock.l_len = length;  // 0: to the end
  return lock;
}

bool Conflicts(const Descriptor& file, std::uint32_t start, std::uint32_t length) {
  struct flock lock = Range(F_WRLCK, start, length);
  return fcntl(file.get(), F_OFD_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}

}  // namespace

std::expected<Descriptor, int> OpenLockFile(const std::string& path) {
  int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return std::unexpected(errno);
  return Descriptor(fd);
}

bool LockShared(const Descriptor& file, std::uint32_t byte) {
  struct flock lock = Range(F_RDLCK, byte, 1);
  return fcntl(file.get(), F_OFD_SETLK, &lock) == 0;
}

bool IsLocked(const Descriptor& file, std::uint32_t byte) { return Conflicts(file, byte, 1); }

bool IsLockedAnywhere(const Descriptor& file) { return Conflicts(file, 0, 0); }

}  // namespace forager::os
