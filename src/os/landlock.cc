#include <dirent.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <utility>

#include "os/child_process.h"
#include "os/sandbox.h"

namespace forager::os {
namespace {

// Newer than Debian 12's header.
constexpr std::uint64_t kTruncate = 1ULL << 14;
constexpr std::uint64_t kDeviceControl = 1ULL << 15;
constexpr std::uint64_t kScopeAbstractSocketsAndSignals = 3;
struct RulesetAttributes {
  std::uint64_t handled_access_fs;
  std::uint64_t handled_access_net;
  std::uint64_t scoped;
};

constexpr std::uint64_t kReadFile = LANDLOCK_ACCESS_FS_READ_FILE;
constexpr std::uint64_t kRead = kReadFile | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t kAll = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;  // of the first version
// What may be allowed of something that is no directory.
constexpr std::uint64_t kOfFiles = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                                   kReadFile | kTruncate | kDeviceControl;
constexpr int kMaxSiblings = 4096;

int Version() {
  return static_cast<int>(
      syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION));
}

int AddRule(int ruleset, int path, std::uint64_t access) {
  landlock_path_beneath_attr rule{};
  rule.allowed_access = access;
  rule.parent_fd = path;
  return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0 ? 0
                                                                                            : errno;
}

}  // namespace

std::expected<FileAccess, std::string> FileAccess::Empty() {
  int version = Version();
  if (version < 0) {
    return std::unexpected(std::string(errno == EOPNOTSUPP ? "Landlock is off in this kernel"
                                                           : "the kernel has no Landlock"));
  }
  FileAccess access;
  access.handled_ = kAll;
  if (version >= 2) access.handled_ |= LANDLOCK_ACCESS_FS_REFER;
  if (version >= 3) access.handled_ |= kTruncate;
  if (version >= 5) access.handled_ |= kDeviceControl;
  access.scoped_ = version >= 6;
  return access;
}

void FileAccess::Allow(const std::string& path, std::uint64_t access) {
  Descriptor opened(open(path.c_str(), O_PATH | O_CLOEXEC));
  struct stat about{};
  if (!opened && IsShortage(errno)) shortage_ = errno;
  if (!opened || fstat(opened.get(), &about) != 0) return;  // not on this system
  if (!S_ISDIR(about.st_mode)) access &= kOfFiles;
  rules_.push_back({std::move(opened), access & handled_});
}

std::expected<FileAccess, std::string> FileAccess::LibrariesOnly() {
  auto access = Empty();
  if (!access) return access;
  for (const char* path :
       {"/etc", "/usr", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/run/systemd/resolve",
        "/run/resolvconf", "/run/NetworkManager", "/run/nscd", "/dev/urandom", "/dev/random",
        "/dev/zero", "/sys/devices/system/cpu", "/proc/cpuinfo", "/proc/meminfo"}) {
    access->Allow(path, kRead);
  }
  access->Allow("/dev/null", kReadFile | LANDLOCK_ACCESS_FS_WRITE_FILE | kTruncate);
  return access;
}

std::expected<FileAccess, std::string> FileAccess::AllBut(const std::vector<std::string>& hidden) {
  auto access = Empty();
  if (access) access->AllowBeside("/", hidden);
  return access;
}

std::expected<FileAccess, std::string> FileAccess::Everything() {
  auto access = Empty();
  if (access) access->Allow("/", access->handled_);
  return access;
}

// Everything in `directory` by name, but what is hidden in it.
void FileAccess::AllowBeside(const std::string& directory, const std::vector<std::string>& hidden) {
  Allow(directory, LANDLOCK_ACCESS_FS_READ_DIR);
  std::unique_ptr<DIR, int (*)(DIR*)> entries(opendir(directory.c_str()), closedir);
  if (!entries && IsShortage(errno)) shortage_ = errno;
  int seen = 0;
  while (dirent* entry = entries ? readdir(entries.get()) : nullptr) {
    std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (++seen > kMaxSiblings) break;
    if (entry->d_type == DT_LNK) continue;  // its target has a rule of its own
    std::string path = (std::filesystem::path(directory) / name).string();
    if (std::ranges::find(hidden, path) != hidden.end()) continue;
    bool on_the_way = std::ranges::any_of(
        hidden, [&](const std::string& one) { return one.starts_with(path + "/"); });
    if (on_the_way) {
      AllowBeside(path, hidden);
    } else {
      // Of other processes' files some could be written by whoever is of the same user.
      Allow(path, path == "/proc" ? kRead : handled_);
    }
  }
}

int FileAccess::Restrict(std::initializer_list<int> directories) const {
  if (shortage_ != 0) return shortage_;
  RulesetAttributes attributes{handled_, 0, scoped_ ? kScopeAbstractSocketsAndSignals : 0};
  std::size_t size = scoped_ ? sizeof attributes : sizeof attributes.handled_access_fs;
  Descriptor ruleset(static_cast<int>(syscall(SYS_landlock_create_ruleset, &attributes, size, 0)));
  if (!ruleset) return errno;
  for (const Rule& rule : rules_) {
    if (int error = AddRule(ruleset.get(), rule.path.get(), rule.access)) return error;
  }
  for (int directory : directories) {
    if (int error = AddRule(ruleset.get(), directory, handled_)) return error;
  }
  return syscall(SYS_landlock_restrict_self, ruleset.get(), 0) == 0 ? 0 : errno;
}

}  // namespace forager::os
