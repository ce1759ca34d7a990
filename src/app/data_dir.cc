#include "app/data_dir.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace forager::app {
namespace {

constexpr std::uint64_t kReserve = 64 << 20;
constexpr std::uint64_t kLow = 16 << 20;

std::unexpected<Error> Cannot(const std::string& what, const std::string& path, int error) {
  return Fail(ErrorCode::kUnavailable, fmt::format("{} {}: {}", what, path, std::strerror(error)));
}

std::uint64_t FreeBytesOf(const std::string& path) {
  struct statvfs room{};
  if (statvfs(path.c_str(), &room) != 0) return 0;
  return static_cast<std::uint64_t>(room.f_bavail) * room.f_frsize;
}

}  // namespace

Result<DataDir> DataDir::Open(const std::string& given) {
  mode_t before = umask(0077);  // whatever is made in here is its owner's alone
  std::error_code error;
  bool made = std::filesystem::create_directories(given, error);
  if (error) return Cannot("The data directory cannot be made:", given, error.value());
  std::string path = std::filesystem::canonical(given, error).string();
  if (error) return Cannot("The data directory cannot be used:", given, error.value());
  // Attempts run as another user pass through to their scratch directories, and see nothing else.
  // The mode of a directory that was there is its owner's affair.
  if (made && chmod(path.c_str(), geteuid() == 0 ? 0711 : 0700) != 0)
    return Cannot("The data directory is not ours:", path, errno);
  for (const char* part : {"logs"}) {
    std::string folder = path + "/" + part;
    if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
      return Cannot("A folder cannot be made:", folder, errno);
  }
  std::string lock_path = path + "/server.lock";
  os::Descriptor lock(open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) return Cannot("The data directory cannot be written:", lock_path, errno);
  if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    char holder[32] = {};
    bool named = pread(lock.get(), holder, sizeof holder - 1, 0) > 0;
    return Fail(ErrorCode::kConflict, fmt::format("Another server (pid {}) has the data directory "
                                                  "{}; stop it, or choose another with --data-dir",
                                                  named ? std::atoi(holder) : 0, path));
  }
  std::string pid = fmt::format("{}\n", getpid());
  if (ftruncate(lock.get(), 0) != 0 || pwrite(lock.get(), pid.data(), pid.size(), 0) < 0) {
    // A full disk must not keep the server from starting: the name in the lock is only a courtesy.
  }
  return DataDir(std::move(path), std::move(lock), before);
}

std::string DataDir::Place() const {
  struct stat folder{};
  stat(path_.c_str(), &folder);
  return fmt::format("{}:{}", folder.st_dev, folder.st_ino);
}

std::string DataDir::Openness() const {
  struct stat folder{};
  if (stat(path_.c_str(), &folder) != 0 || (folder.st_mode & 0066) == 0) return "";
  return fmt::format(
      "Others may {} the data directory {} (mode {:o}): chmod go-rw, unless it is meant so",
      (folder.st_mode & 0022) != 0 ? "change what is in" : "look into", path_,
      folder.st_mode & 07777);
}

Result<void> DataDir::WriteSecret(const std::string& name, const std::string& text) const {
  std::string path = File(name), draft = path + ".new";
  unlink(draft.c_str());
  os::Descriptor file(open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  bool good = file &&
              write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
              fsync(file.get()) == 0 && rename(draft.c_str(), path.c_str()) == 0;
  if (good) return {};
  int error = errno;
  unlink(draft.c_str());
  return Cannot("A file cannot be written:", path, error);
}

void DataDir::Remove(const std::string& name) const { unlink(File(name).c_str()); }

bool DataDir::Misses(const std::string& name) const {
  struct stat file{};
  return stat(File(name).c_str(), &file) != 0 && errno == ENOENT;
}

void DataDir::KeepLock() {
  if (!Misses("server.lock")) return;
  std::string path = File("server.lock");
  os::Descriptor again(open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!again || flock(again.get(), LOCK_EX | LOCK_NB) != 0) return;
  std::string pid = fmt::format("{}\n", getpid());
  if (pwrite(again.get(), pid.data(), pid.size(), 0) > 0) lock_ = std::move(again);
}

void DataDir::KeepReserve() const {
  std::string path = File("reserve");
  struct stat known{};
  if (stat(path.c_str(), &known) == 0) return;
  std::uint64_t size = std::min(kReserve, FreeBytes() / 8);
  if (FreeBytes() < 4 * kLow + size) return;
  os::Descriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file && posix_fallocate(file.get(), 0, static_cast<off_t>(size)) != 0) unlink(path.c_str());
}

bool DataDir::SpendReserve() const { return unlink(File("reserve").c_str()) == 0; }

std::uint64_t DataDir::FreeBytes() const { return FreeBytesOf(path_); }

bool DataDir::DiskFull() const { return FreeBytes() < kLow; }

}  // namespace forager::app
