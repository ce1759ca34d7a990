// Is the database on the disk still the one that was opened? SQLite goes on writing into a file
// that was removed or replaced, and into a log without its name, and all of it is lost. Asked after
// each commit before anybody is answered, and once a second. What was lost once stays lost until
// the next start. Thread-safe; shared by the connections of one service.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "os/descriptor.h"

namespace forager::store {

class FileGuard {
 public:
  static constexpr std::size_t kHead = 100;  // bytes of a database's header

  // The file is there. Throws DatabaseError when it is not.
  explicit FileGuard(const std::string& path);
  // A log that belongs to a database that is gone would be played into the next one of its name.
  ~FileGuard();

  // Each throws DatabaseError{kGone} from the first loss on.
  void ThrowIfLost() const;
  void CheckPlace();
  // What the file begins with now, and how large it is.
  void CheckHead(std::string_view head, std::int64_t size);
  [[noreturn]] void Damaged(const std::string& how);

  bool lost() const { return lost_.load(std::memory_order_acquire); }

 private:
  struct Identity {
    dev_t device;
    ino_t inode;
    bool operator==(const Identity&) const = default;
  };
  enum class Place { kOurs, kMissing, kAnother, kUnknown };

  static std::optional<Identity> IdentityOf(const std::string& path, bool& missing);
  static Place Compare(const std::string& path, const Identity& ours);
  void CheckCompanion(const char* ending, std::optional<Identity>& ours);
  [[noreturn]] void Lose(const char* sentence, const std::string& how);
  void PutLogAside();

  const std::string path_;
  os::Descriptor file_;  // without access to it: its name may go, its number is kept from others
  Identity ours_{};
  std::atomic<bool> lost_ = false;

  mutable std::mutex mutex_;  // guards what follows
  const char* sentence_ = "";
  std::optional<Identity> log_, index_;  // known once SQLite has made them
  std::string head_;
  std::int64_t size_ = 0;
};

}  // namespace forager::store
