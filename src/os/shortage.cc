#include "os/shortage.h"

#include <mutex>
#include <utility>

namespace forager::os {
namespace {

std::mutex mutex;
std::string current;  // guarded by mutex

}  // namespace

void NoteShortage(std::string why) {
  std::lock_guard lock(mutex);
  current = std::move(why);
}

std::string CurrentShortage() {
  std::lock_guard lock(mutex);
  return current;
}

}  // namespace forager::os
