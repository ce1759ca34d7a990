#include "os/process_life.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "os/descriptor.h"

namespace forager::os {
namespace {

using Path = std::array<char, 64>;

Path PathOf(pid_t pid, const char* name) {
  Path path;
  std::snprintf(path.data(), path.size(), "/proc/%d/%s", pid, name);
  return path;
}

// The file's text in `buffer`; errno in the error.
std::string_view ReadText(pid_t pid, const char* name, std::array<char, 1024>& buffer, int& error) {
  Descriptor file(open(PathOf(pid, name).data(), O_RDONLY | O_CLOEXEC));
  ssize_t got = file ? read(file.get(), buffer.data(), buffer.size()) : -1;
  error = got < 0 ? errno : 0;
  return {buffer.data(), got < 0 ? 0 : static_cast<std::size_t>(got)};
}

bool IsRefusal(int error) { return error == EACCES || error == EPERM; }

bool ReadStat(ProcessLife& life) {
  std::array<char, 1024> buffer;
  int error;
  std::string_view text = ReadText(life.pid, "stat", buffer, error);
  auto end = text.rfind(')');  // the name before it may hold anything
  if (end == std::string_view::npos) return false;
  std::string fields(text.substr(end + 1));
  char state = 0;
  unsigned long long faults = 0, user = 0, system = 0, born = 0;
  int got = std::sscanf(fields.c_str(),
                        " %c %d %*d %*d %*d %*d %*u %*u %llu %*u %*u %*u %*u %llu %llu %*d %*d %*d "
                        "%*d %llu",
                        &state, &life.parent, &faults, &user, &system, &born);
  if (got != 6) return false;
  static const std::int64_t tick = 1'000'000'000 / sysconf(_SC_CLK_TCK);
  life.runs = state == 'R';
  life.child_faults = static_cast<std::int64_t>(faults);
  life.child_cpu = static_cast<std::int64_t>(user + system) * tick;
  life.born = born;
  return state != 'Z' && state != 'X';
}

std::int64_t FieldOf(std::string_view text, std::string_view name) {
  auto at = text.find(name);
  if (at == std::string_view::npos) return 0;
  std::int64_t value = 0;
  std::from_chars(text.data() + at + name.size(), text.data() + text.size(), value);
  return value;
}

void ReadMoved(ProcessLife& life) {
  std::array<char, 1024> buffer;
  int error;
  std::string_view text = ReadText(life.pid, "io", buffer, error);
  if (IsRefusal(error)) life.readable = false;
  life.read = FieldOf(text, "rchar: ");
  life.written = FieldOf(text, "wchar: ");
  life.reads = FieldOf(text, "syscr: ");
  life.writes = FieldOf(text, "syscw: ");
}

void ReadSockets(ProcessLife& life) {
  std::unique_ptr<DIR, int (*)(DIR*)> files(opendir(PathOf(life.pid, "fd").data()), closedir);
  if (!files) {
    if (IsRefusal(errno)) life.readable = false;
    return;
  }
  while (dirent* entry = readdir(files.get())) {
    std::array<char, 64> target;
    ssize_t length = readlinkat(dirfd(files.get()), entry->d_name, target.data(), target.size());
    constexpr std::string_view kSocket = "socket:[";
    std::string_view link(target.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
    std::uint64_t inode = 0;
    if (link.starts_with(kSocket) &&
        std::from_chars(link.data() + kSocket.size(), link.data() + link.size(), inode).ec ==
            std::errc())
      life.sockets.push_back(inode);
  }
}

}  // namespace

std::optional<std::int64_t> CpuTime(pid_t pid) {
  clockid_t clock;
  timespec used;
  if (pid <= 0 || clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
    return std::nullopt;
  return used.tv_sec * 1'000'000'000LL + used.tv_nsec;
}

std::optional<ProcessLife> ReadProcessLife(pid_t pid) {
  ProcessLife life;
  life.pid = pid;
  // First: what it does while the rest is read is seen as having run by the next look.
  auto cpu = CpuTime(pid);
  if (!cpu || !ReadStat(life)) return std::nullopt;
  life.cpu = *cpu;
  ReadMoved(life);
  ReadSockets(life);
  return life;
}

bool MaySeeProcessesOfOthers() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct has[2] = {};
  return syscall(SYS_capget, &header, has) == 0 && (has[0].effective & (1U << CAP_SYS_PTRACE)) != 0;
}

}  // namespace forager::os
