#include "supervisor/scratch.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "os/child_process.h"
#include "os/mount_view.h"

namespace forager::supervisor {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxDepth = 64;
constexpr int kMaxRemovedAtOnce = 200;
constexpr off_t kSmall = 1 << 20;
constexpr std::size_t kMaxStates = 100'000;

// Directories that an attempt closed to everybody are opened again.
void OpenUp(const fs::path& path, int depth) {
  chmod(path.c_str(), 0700);
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(path, error)) {
    if (depth < kMaxDepth && entry.symlink_status(error).type() == fs::file_type::directory) {
      OpenUp(entry.path(), depth + 1);
    }
  }
}

void RemoveTree(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (!error) return;
  OpenUp(path, 0);
  fs::remove_all(path, error);
}

// Removes a directory that holds little: a few small files, empty directories, and its own /tmp of
// that kind. False: more is in it.
bool RemoveSmall(int parent, const char* name, int& left, bool whole) {
  os::Descriptor folder(openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder) return false;
  std::unique_ptr<DIR, int (*)(DIR*)> entries(fdopendir(dup(folder.get())), closedir);
  while (dirent* entry = entries ? readdir(entries.get()) : nullptr) {
    std::string_view found = entry->d_name;
    if (found == "." || found == "..") continue;
    struct stat about {};
    if (--left < 0 || fstatat(folder.get(), entry->d_name, &about, AT_SYMLINK_NOFOLLOW) != 0)
      return false;
    bool is_folder = S_ISDIR(about.st_mode);
    if (S_ISREG(about.st_mode) && about.st_size > kSmall) return false;
    if (unlinkat(folder.get(), entry->d_name, is_folder ? AT_REMOVEDIR : 0) == 0) continue;
    bool own_tmp = whole && found == os::kOwnTmp;
    if (!own_tmp || !RemoveSmall(folder.get(), entry->d_name, left, false)) return false;
  }
  return unlinkat(parent, name, AT_REMOVEDIR) == 0;
}

// With that mode whatever the umask is.
int MakeFolder(const std::string& path, mode_t mode) {
  return mkdir(path.c_str(), mode) == 0 && chmod(path.c_str(), mode) == 0 ? 0 : errno;
}

int MakeRoot(const std::string& scratch) {
  int error = MakeFolder(scratch, 0711);
  if (error == EEXIST) error = chmod(scratch.c_str(), 0711) == 0 ? 0 : errno;
  return error;
}

// When there can be no such process the next start does the work.
template <typename Work>
void InBackground(Work work) {
  auto child = os::Fork();
  if (!child || *child != 0) return;
  os::SetParentDeathSignal(SIGKILL);
  os::SetProcessName("forager-clean");
  setsid();  // whose share of the processor it then gives up
  os::YieldToOthers();
  work();
  _exit(0);
}

}  // namespace

int TakeScratchRoot(const std::string& data_dir, std::uint32_t generation) {
  std::string scratch = data_dir + "/scratch";
  bool left = rmdir(scratch.c_str()) != 0 && errno != ENOENT;
  if (left) rename(scratch.c_str(), fmt::format("{}.{}.{}", scratch, getpid(), generation).c_str());
  if (int error = MakeRoot(scratch)) return error;
  InBackground([&data_dir] {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(data_dir, error)) {
      if (entry.path().filename().string().starts_with("scratch.")) RemoveTree(entry.path());
    }
  });
  return 0;
}

int MakeScratch(const std::string& path, const std::optional<os::User>& owner) {
  int error = MakeFolder(path, 0700);
  if (error == ENOENT) {  // somebody cleaned up: the folder of them all is made again
    error = MakeRoot(fs::path(path).parent_path().string());
    if (error == 0) error = MakeFolder(path, 0700);
  }
  if (error == EEXIST) {  // of an attempt of the same number: a row edited by hand
    RemoveTree(path);
    error = MakeFolder(path, 0700);
  }
  if (error != 0) return error;
  return owner && chown(path.c_str(), owner->uid, owner->gid) != 0 ? errno : 0;
}

void RemoveScratch(const std::string& path) {
  int left = kMaxRemovedAtOnce;
  if (rmdir(path.c_str()) == 0 || errno == ENOENT) return;
  if (RemoveSmall(AT_FDCWD, path.c_str(), left, true)) return;  // the usual cases
  InBackground([&path] { RemoveTree(path); });
}

std::string StatePath(const std::string& data_dir, const std::string& job_id) {
  return data_dir + "/state/" + job_id;
}

int MakeState(const std::string& data_dir, const std::string& job_id,
              const std::optional<os::User>& owner) {
  std::string root = data_dir + "/state", path = StatePath(data_dir, job_id);
  if (mkdir(root.c_str(), 0711) == 0 && chmod(root.c_str(), 0711) != 0) return errno;
  if (mkdir(path.c_str(), 0700) != 0) return errno == EEXIST ? 0 : errno;
  if (chmod(path.c_str(), 0700) != 0) return errno;
  return owner && chown(path.c_str(), owner->uid, owner->gid) != 0 ? errno : 0;
}

void LeaveState(const std::string& data_dir, const std::string& job_id) {
  rmdir(StatePath(data_dir, job_id).c_str());
}

void RemoveState(const std::string& data_dir, const std::string& job_id) {
  RemoveScratch(StatePath(data_dir, job_id));
}

std::vector<std::string> JobsWithState(const std::string& data_dir) {
  std::vector<std::string> jobs;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(data_dir + "/state", error)) {
    jobs.push_back(entry.path().filename().string());
    if (jobs.size() >= kMaxStates) break;
  }
  return jobs;
}

}  // namespace forager::supervisor
