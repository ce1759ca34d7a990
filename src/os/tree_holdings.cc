#include "os/tree_holdings.h"

#include <dirent.h>
#include <fts.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <utility>

#include "os/proc_files.h"
#include "os/process_table.h"

namespace forager::os {
namespace {

constexpr std::size_t kMaxFiles = 1 << 16;  // of one process
constexpr std::size_t kMaxMountTable = 1 << 20;
constexpr std::size_t kMaxMaps = 64 << 20;

using File = std::pair<dev_t, ino_t>;

std::string Path(pid_t pid, const std::string& name) {
  return "/proc/" + std::to_string(pid) + "/" + name;
}

bool IsInMemory(const std::string& path) {
  struct statfs about {};
  return statfs(path.c_str(), &about) == 0 && about.f_type == TMPFS_MAGIC;
}

class Measurer {
 public:
  Measurer(const std::vector<pid_t>& pids, dev_t disk) : pids_(pids), disk_(disk) {}

  TreeHoldings Run() {
    for (pid_t pid : pids_) {
      AddPages(pid);
      AddOpenFiles(pid);
      AddPrivateMounts(pid);
    }
    if (!files_.empty() || !mounts_.empty()) {
      for (pid_t pid : pids_) AddMapped(pid);
    }
    // What is mapped of a file in memory has been counted with the pages.
    for (const auto& [file, bytes] : files_) {
      if (!mounts_.contains(file.first))
        holdings_.unmapped_bytes += std::max<std::int64_t>(0, bytes - mapped_[file]);
    }
    for (const auto& [device, bytes] : mounts_)
      holdings_.unmapped_bytes += std::max<std::int64_t>(0, bytes - mapped_of_mount_[device]);
    holdings_.memory_bytes += holdings_.unmapped_bytes;
    return holdings_;
  }

 private:
  // A page that n processes have counts as an n-th for each. What was handed back (MADV_FREE) is the
  // kernel's to take.
  void AddPages(pid_t pid) {
    std::istringstream lines(ReadSmallFile(Path(pid, "smaps_rollup")));
    std::string name;
    std::int64_t shares = 0, kilobytes = 0;
    bool told = false;
    for (std::string line; std::getline(lines, line);) {
      std::istringstream fields(line);
      if (!(fields >> name >> kilobytes)) continue;
      told |= name == "Pss_Anon:";
      if (name == "Pss_Anon:" || name == "Pss_Shmem:" || name == "SwapPss:") shares += kilobytes;
      if (name == "LazyFree:") shares -= kilobytes;
    }
    holdings_.memory_bytes += told ? std::max<std::int64_t>(0, shares) * 1024 : HeldMemory(pid);
  }

  void AddOpenFiles(pid_t pid) {
    std::string directory = Path(pid, "fd");
    std::unique_ptr<DIR, int (*)(DIR*)> entries(opendir(directory.c_str()), closedir);
    std::size_t seen = 0;
    while (dirent* entry = entries ? readdir(entries.get()) : nullptr) {
      if (entry->d_name[0] == '.') continue;
      if (++seen > kMaxFiles) break;
      std::string path = directory + "/" + entry->d_name;
      struct stat about {};
      if (stat(path.c_str(), &about) != 0 || !S_ISREG(about.st_mode)) continue;
      File file{about.st_dev, about.st_ino};
      if (!seen_.insert(file).second) continue;
      std::int64_t bytes = std::int64_t{about.st_blocks} * 512;
      if (about.st_dev == disk_) {
        if (about.st_nlink == 0) holdings_.deleted_bytes += bytes;
      } else if (major(about.st_dev) == 0 && IsInMemory(path)) {
        files_[file] = bytes;
      }
    }
  }

  // File systems in memory that are mounted for the tree and not for us.
  void AddPrivateMounts(pid_t pid) {
    std::string table = ReadSmallFile(Path(pid, "mountinfo"), kMaxMountTable);
    if (table == ours_ || !tables_.insert(table).second) return;
    std::istringstream lines(table);
    for (std::string line; std::getline(lines, line);) {
      std::istringstream fields(line);
      std::string skip, device, root, point;
      if (line.find(" - tmpfs ") == line.npos ||
          !(fields >> skip >> skip >> device >> root >> point))
        continue;
      unsigned high = 0, low = 0;
      if (std::sscanf(device.c_str(), "%u:%u", &high, &low) != 2) continue;
      if (ours_.find(" " + device + " ") != ours_.npos) continue;
      std::string path = Path(pid, "root") + point;
      struct statfs about {};
      struct stat entry {};
      // Its first mount may be hidden under another.
      if (statfs(path.c_str(), &about) != 0 || about.f_type != TMPFS_MAGIC ||
          stat(path.c_str(), &entry) != 0 || entry.st_dev != makedev(high, low))
        continue;
      mounts_[entry.st_dev] = static_cast<std::int64_t>(about.f_blocks - about.f_bfree) *
                              static_cast<std::int64_t>(about.f_bsize);
    }
  }

  void AddMapped(pid_t pid) {
    std::ifstream maps(Path(pid, "smaps"));
    std::optional<File> file;
    std::size_t read = 0;
    for (std::string line; read < kMaxMaps && std::getline(maps, line);) {
      read += line.size();
      unsigned high = 0, low = 0;
      unsigned long inode = 0;
      long kilobytes = 0;
      if (std::sscanf(line.c_str(), "%*x-%*x %*4s %*x %x:%x %lu", &high, &low, &inode) == 3) {
        file = File{makedev(high, low), inode};
      } else if (file && std::sscanf(line.c_str(), "Pss: %ld kB", &kilobytes) == 1) {
        if (files_.contains(*file)) mapped_[*file] += kilobytes * 1024;
        if (mounts_.contains(file->first)) mapped_of_mount_[file->first] += kilobytes * 1024;
      }
    }
  }

  const std::vector<pid_t>& pids_;
  const dev_t disk_;
  const std::string ours_ = ReadSmallFile("/proc/self/mountinfo", kMaxMountTable);
  TreeHoldings holdings_;
  std::set<File> seen_;
  std::set<std::string> tables_;
  std::map<File, std::int64_t> files_, mapped_;
  std::map<dev_t, std::int64_t> mounts_, mapped_of_mount_;
};

}  // namespace

TreeHoldings MeasureTree(const std::vector<pid_t>& pids, dev_t disk) {
  return Measurer(pids, disk).Run();
}

std::int64_t SizeOnDisk(const std::string& path, std::int64_t enough) {
  std::string root = path;
  char* roots[] = {root.data(), nullptr};
  std::unique_ptr<FTS, int (*)(FTS*)> walk(fts_open(roots, FTS_PHYSICAL | FTS_XDEV, nullptr),
                                           fts_close);
  std::set<ino_t> linked;
  std::int64_t bytes = 0;
  while (FTSENT* entry = walk && bytes <= enough ? fts_read(walk.get()) : nullptr) {
    if (entry->fts_info == FTS_DP || entry->fts_level == 0) continue;
    if (entry->fts_info == FTS_DNR && entry->fts_number++ == 0) {
      if (chmod(entry->fts_accpath, 0700) == 0) fts_set(walk.get(), entry, FTS_AGAIN);
      continue;
    }
    if (entry->fts_info == FTS_NS || entry->fts_info == FTS_ERR) continue;
    const struct stat& about = *entry->fts_statp;
    if (about.st_nlink > 1 && !S_ISDIR(about.st_mode) && !linked.insert(about.st_ino).second)
      continue;
    bytes += std::max<std::int64_t>(std::int64_t{about.st_blocks} * 512, kLeastOfAnEntry);
  }
  return bytes;
}

}  // namespace forager::os
