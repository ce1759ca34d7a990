// The directory where a server keeps everything: who may read it, who holds it, and a reserve of
// disk space for the end of a full disk.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "job/error.h"
#include "os/descriptor.h"

namespace forager::app {

class DataDir {
 public:
  // Makes what is missing and takes the lock: one data directory is served by one server.
  static Result<DataDir> Open(const std::string& path);

  const std::string& path() const { return path_; }
  std::string File(const std::string& name) const { return path_ + "/" + name; }
  // The umask this process was started with: what commands of the user's get.
  mode_t umask_before() const { return umask_before_; }
  // What others may do with it, in one sentence; "" when nothing.
  std::string Openness() const;
  // This very directory on this very disk: a copy has another place.
  std::string Place() const;
  // As a whole or not at all; mode 0600.
  Result<void> WriteSecret(const std::string& name, const std::string& text) const;
  void Remove(const std::string& name) const;
  bool Misses(const std::string& name) const;

  // A file of 64 MiB (less on a small disk) whose room is given to the store when there is no
  // other.
  // Makes the lock's file again when somebody removed it: else a second server would find none.
  void KeepLock();
  void KeepReserve() const;   // makes it when it is missing and there is room
  bool SpendReserve() const;  // true: there was one
  std::uint64_t FreeBytes() const;
  bool DiskFull() const;  // less than 16 MiB free

 private:
  DataDir(std::string path, os::Descriptor lock, mode_t umask_before)
      : path_(std::move(path)), lock_(std::move(lock)), umask_before_(umask_before) {}

  std::string path_;
  os::Descriptor lock_;
  mode_t umask_before_;
};

}  // namespace forager::app
