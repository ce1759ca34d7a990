#include "os/sandbox.h"

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "os/proc_files.h"

namespace forager::os {
namespace {

// Ten thousand attempts and ten thousand connections.
constexpr unsigned long long kEnoughFiles = 65'536;

int Errno(long result) { return result == 0 ? 0 : errno; }

int SetLimit(int resource, rlim_t limit) {
  rlimit now{};
  if (getrlimit(static_cast<__rlimit_resource>(resource), &now) != 0) return errno;
  limit = std::min(limit, now.rlim_max);
  rlimit wanted{limit, limit};
  return Errno(setrlimit(static_cast<__rlimit_resource>(resource), &wanted));
}

}  // namespace

std::optional<User> FindUser(const std::string& name) {
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> buffer(16 * 1024);
  getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (!found) return std::nullopt;
  return User{entry.pw_uid, entry.pw_gid};
}

bool IsRoot() { return geteuid() == 0; }

int BecomeUser(const User& user) {
  if (setgroups(0, nullptr) != 0) return errno;
  if (setresgid(user.gid, user.gid, user.gid) != 0) return errno;
  return Errno(setresuid(user.uid, user.uid, user.uid));
}

int MapOwnIds(uid_t uid, gid_t gid) {
  std::string u = std::to_string(uid), g = std::to_string(gid);
  if (!WriteSmallFile("/proc/self/setgroups", "deny")) return errno;
  if (!WriteSmallFile("/proc/self/uid_map", u + " " + u + " 1")) return errno;
  if (!WriteSmallFile("/proc/self/gid_map", g + " " + g + " 1")) return errno;
  return 0;
}

int DropCapabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2] = {};
  return Errno(syscall(SYS_capset, &header, none));
}

int ForbidNewPrivileges() { return Errno(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)); }

int SetLimits(const Limits& limits) {
  if (int error = SetLimit(RLIMIT_CORE, 0)) return error;
  return SetLimit(RLIMIT_NOFILE, limits.open_files);
}

std::uint64_t ReachableOpenFiles() {
  rlimit now{};
  if (getrlimit(RLIMIT_NOFILE, &now) != 0) return 0;
  if (!IsRoot() || now.rlim_max >= kEnoughFiles) return now.rlim_max;
  std::string most = ReadSmallFile("/proc/sys/fs/nr_open", 32);
  return std::max<std::uint64_t>(now.rlim_max,
                                 std::min(kEnoughFiles, std::strtoull(most.c_str(), nullptr, 10)));
}

std::uint64_t RaiseOpenFiles() {
  rlimit wanted{};
  wanted.rlim_cur = wanted.rlim_max = ReachableOpenFiles();
  rlimit now{};
  if (getrlimit(RLIMIT_NOFILE, &now) != 0) return 0;
  if (now.rlim_cur >= wanted.rlim_cur) return now.rlim_cur;
  if (setrlimit(RLIMIT_NOFILE, &wanted) == 0) return wanted.rlim_cur;
  now.rlim_cur = now.rlim_max;  // a root without the right to
  return setrlimit(RLIMIT_NOFILE, &now) == 0 ? now.rlim_cur : 0;
}

void YieldToOthers() {
  setpriority(PRIO_PROCESS, 0, 10);
  // Where each session has a share of its own, that counts and not the process's.
  WriteSmallFile("/proc/self/autogroup", "10");
}

void GoBeforeOthers() {
  setpriority(PRIO_PROCESS, 0, -10);
  WriteSmallFile("/proc/self/autogroup", "-10");
}

void PreferAsVictim() { WriteSmallFile("/proc/self/oom_score_adj", "500"); }

void SetDumpable(bool dumpable) { prctl(PR_SET_DUMPABLE, dumpable ? 1 : 0, 0, 0, 0); }

void SetUmask(unsigned mask) { umask(mask); }

void SetProcessName(const char* name) { prctl(PR_SET_NAME, name); }

}  // namespace forager::os
