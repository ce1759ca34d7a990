#include "os/orphans.h"

#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <set>
#include <sstream>
#include <string>

#include "os/proc_files.h"

namespace forager::os {
namespace {

struct Noted {
  std::mutex mutex;
  std::set<pid_t> children;
};

Noted& TheNoted() {
  static Noted noted;
  return noted;
}

}  // namespace

std::unique_lock<std::mutex> HoldReaping() { return std::unique_lock(TheNoted().mutex); }

void NoteChild(pid_t child) { TheNoted().children.insert(child); }

void ForgetChild(pid_t child) {
  auto hold = HoldReaping();
  TheNoted().children.erase(child);
}

void ReapOrphans() {
  if (getpid() != 1) return;
  auto hold = HoldReaping();
  std::error_code error;
  for (std::filesystem::directory_iterator task("/proc/self/task", error), end;
       !error && task != end; task.increment(error)) {
    std::istringstream children(ReadSmallFile(task->path().string() + "/children", 1 << 16));
    for (pid_t child; children >> child;) {
      if (!TheNoted().children.contains(child)) waitpid(child, nullptr, WNOHANG | __WALL);
    }
  }
}

}  // namespace forager::os
