#include "store/file_guard.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "os/log.h"
#include "store/database.h"

namespace forager::store {
namespace {

constexpr const char* kGone =
    "The database's files were removed or replaced under the running server, so nothing is stored "
    "any more: stop the server, put the files or a backup back (forager restore), and start it "
    "again.";
constexpr const char* kDamaged =
    "The database file was damaged under the running server, so nothing is stored any more: stop "
    "the server, keep a copy of the file, restore a backup (forager restore), and start it again.";

// Of the header: what no statement changes while others have the file open.
constexpr std::pair<std::size_t, std::size_t> kFixed[] = {{0, 24}, {56, 4}, {68, 4}};
constexpr std::size_t kCounter = 24, kPages = 28, kPageSize = 16;

std::uint32_t NumberAt(std::string_view head, std::size_t at, int bytes) {
  std::uint32_t number = 0;
  for (int i = 0; i < bytes; ++i)
    number = number << 8 | static_cast<unsigned char>(head[at + static_cast<std::size_t>(i)]);
  return number;
}

std::string Canonical(const std::string& path) {
  std::error_code error;
  auto whole = std::filesystem::canonical(path, error);
  return error ? path : whole.string();  // SQLite names the log after the file, not after a link
}

}  // namespace

FileGuard::FileGuard(const std::string& path)
    : path_(Canonical(path)), file_(open(path_.c_str(), O_PATH | O_CLOEXEC)) {
  struct stat known{};
  if (!file_ || fstat(file_.get(), &known) != 0)
    throw DatabaseError(Fault::kIo, fmt::format("{}: {}", path_, std::strerror(errno)));
  ours_ = {known.st_dev, known.st_ino};
}

FileGuard::~FileGuard() {
  struct stat file{};
  bool removed = fstat(file_.get(), &file) == 0 && file.st_nlink == 0;
  if (lost() && removed) PutLogAside();
}

void FileGuard::ThrowIfLost() const {
  if (!lost()) return;
  std::lock_guard lock(mutex_);
  throw DatabaseError(Fault::kGone, sentence_);
}

std::optional<FileGuard::Identity> FileGuard::IdentityOf(const std::string& path, bool& missing) {
  struct stat file{};
  missing = false;
  if (stat(path.c_str(), &file) == 0) return Identity{file.st_dev, file.st_ino};
  missing = errno == ENOENT || errno == ENOTDIR;
  return std::nullopt;
}

// What cannot be looked at is not called gone.
FileGuard::Place FileGuard::Compare(const std::string& path, const Identity& ours) {
  bool missing = false;
  auto there = IdentityOf(path, missing);
  if (!there) return missing ? Place::kMissing : Place::kUnknown;
  return *there == ours ? Place::kOurs : Place::kAnother;
}

void FileGuard::CheckPlace() {
  Place place = Compare(path_, ours_);
  if (lost()) {
    if (place == Place::kAnother) PutLogAside();
    ThrowIfLost();
  }
  if (place == Place::kMissing) Lose(kGone, "is not there any more");
  if (place == Place::kAnother) {
    PutLogAside();
    Lose(kGone, "is another file than the one that was opened");
  }
  CheckCompanion("-wal", log_);
  CheckCompanion("-shm", index_);
}

void FileGuard::CheckCompanion(const char* ending, std::optional<Identity>& ours) {
  bool missing = false;
  auto there = IdentityOf(path_ + ending, missing);
  if (!there && !missing) return;
  {
    std::lock_guard lock(mutex_);
    if (!ours) ours = there;
    if (ours == there) return;
  }
  Lose(kGone, there ? fmt::format("has another {} file than the one that was opened", ending)
                    : fmt::format("has lost its {} file", ending));
}

void FileGuard::CheckHead(std::string_view head, std::int64_t size) {
  ThrowIfLost();
  std::string how;
  {
    std::lock_guard lock(mutex_);
    if (head.size() < kHead) {
      how = "was cut short";
    } else if (head_.empty()) {
      head_ = head;
    }
    bool same = true;
    for (auto [at, bytes] : kFixed)
      same = same && how.empty() && head.substr(at, bytes) == head_.substr(at, bytes);
    if (how.empty() && !same) how = "does not begin as it did";
    if (how.empty() && NumberAt(head, kCounter, 4) < NumberAt(head_, kCounter, 4))
      how = "is older than it was: another one was copied over it";
    // A shell's VACUUM makes it smaller, and says so in the header.
    std::int64_t page = how.empty() ? NumberAt(head, kPageSize, 2) : 0;
    if (how.empty() && size < size_ &&
        size < (page == 1 ? 65'536 : page) * static_cast<std::int64_t>(NumberAt(head, kPages, 4)))
      how = "was cut short";
    if (how.empty()) {
      head_ = head;
      size_ = size;
    }
  }
  if (!how.empty()) Damaged(how);
}

void FileGuard::Damaged(const std::string& how) { Lose(kDamaged, how); }

void FileGuard::Lose(const char* sentence, const std::string& how) {
  {
    std::lock_guard lock(mutex_);
    if (!lost()) {
      sentence_ = sentence;
      lost_.store(true, std::memory_order_release);
      os::LogError(fmt::format("❌ Store: {} {}", path_, how));
    }
  }
  ThrowIfLost();
  throw DatabaseError(Fault::kGone, sentence);
}

void FileGuard::PutLogAside() {
  std::lock_guard lock(mutex_);
  std::string log = path_ + "-wal", aside = path_ + ".lost-wal";
  if (!log_ || Compare(log, *log_) != Place::kOurs) return;
  if (std::rename(log.c_str(), aside.c_str()) != 0) return;
  os::LogError(
      fmt::format("Store: the write-ahead log of the database that is gone was put aside "
                  "as {}: with another database it would damage it",
                  aside));
}

}  // namespace forager::store
