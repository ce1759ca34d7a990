#include "os/process_table.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "os/proc_files.h"

namespace forager::os {
namespace {

// More than a machine of ours can have.
constexpr std::size_t kMaxProcesses = 1 << 19;

// "Name:   123 kB" in bytes; 0 when it is not there.
std::int64_t FieldBytes(std::string_view text, std::string_view name) {
  auto at = text.find(name);
  if (at == text.npos) return 0;
  text.remove_prefix(at + name.size());
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  std::int64_t kilobytes = 0;
  std::from_chars(text.data(), text.data() + text.size(), kilobytes);
  return kilobytes * 1024;
}

}  // namespace

ProcessTable::ProcessTable() : proc_(open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {}

std::vector<pid_t> ProcessTable::Pids() const {
  std::vector<pid_t> pids;
  std::unique_ptr<DIR, int (*)(DIR*)> entries(opendir("/proc"), closedir);
  while (dirent* entry = entries ? readdir(entries.get()) : nullptr) {
    pid_t pid = 0;
    const char* end = entry->d_name + std::strlen(entry->d_name);
    auto [stop, error] = std::from_chars(entry->d_name, end, pid);
    if (error == std::errc() && stop == end && pid > 1) pids.push_back(pid);
    if (pids.size() >= kMaxProcesses) break;
  }
  return pids;
}

std::optional<ProcessRow> ProcessTable::Row(pid_t pid) const {
  char path[32];
  std::snprintf(path, sizeof path, "%d/stat", pid);
  Descriptor file(openat(proc_.get(), path, O_RDONLY | O_CLOEXEC));
  if (!file) return std::nullopt;
  char text[1024];
  ssize_t size = read(file.get(), text, sizeof text - 1);
  if (size <= 0) return std::nullopt;
  text[size] = '\0';
  const char* name_end = std::strrchr(text, ')');  // the name may hold anything
  static const long page = sysconf(_SC_PAGESIZE);
  ProcessRow row{pid};
  long resident = 0;
  // Fields 4, 20 and 24.
  if (!name_end ||
      std::sscanf(name_end + 1,
                  " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %d %*d %*u "
                  "%*u %ld",
                  &row.parent, &row.threads, &resident) != 3)
    return std::nullopt;
  row.resident_bytes = std::int64_t{resident} * page;
  return row;
}

std::int64_t HeldMemory(pid_t pid) {
  std::string status = ReadSmallFile("/proc/" + std::to_string(pid) + "/status");
  return FieldBytes(status, "\nRssAnon:") + FieldBytes(status, "\nRssShmem:") +
         FieldBytes(status, "\nVmSwap:");
}

MachineLoad ReadMachineLoad() {
  MachineLoad load;
  std::string memory = ReadSmallFile("/proc/meminfo");
  load.available_bytes = FieldBytes(memory, "\nMemAvailable:");
  load.shared_bytes = FieldBytes(memory, "\nShmem:");
  long tasks = 0;
  std::string average = ReadSmallFile("/proc/loadavg", 256);
  if (std::sscanf(average.c_str(), "%*f %*f %*f %*d/%ld", &tasks) == 1) load.tasks = tasks;
  return load;
}

}  // namespace forager::os
