#include "os/descriptor.h"

#include <unistd.h>

namespace forager::os {

void Descriptor::Close() {
  // Linux frees the number even when close() is interrupted: never try again.
  if (fd_ >= 0) close(std::exchange(fd_, -1));
}

}  // namespace forager::os
