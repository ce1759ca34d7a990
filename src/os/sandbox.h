// What an attempt's process gives up before it runs a collector. Every step is irrevocable for the
// process and its children. Each returns 0 or an errno value; none of them allocates after its
// preparation.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <expected>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "os/descriptor.h"

namespace forager::os {

struct User {
  uid_t uid;
  gid_t gid;
};
// None when there is no such user.
std::optional<User> FindUser(const std::string& name);
bool IsRoot();

// Who the process is: no groups, this user. For root only.
int BecomeUser(const User& user);
// Inside a user namespace just made: the same ids inside as outside.
int MapOwnIds(uid_t uid, gid_t gid);
int DropCapabilities();
int ForbidNewPrivileges();

struct Limits {
  std::uint64_t open_files = 1024;
};
int SetLimits(const Limits& limits);
// As many descriptors as may be had, for server and keeper; how many that are. Root is not held by
// its hard limit.
std::uint64_t RaiseOpenFiles();
// What RaiseOpenFiles would reach.
std::uint64_t ReachableOpenFiles();
// Behind everybody else for the processor (in a session of its own, or that of all its members
// goes), before everybody else for the out-of-memory killer.
void YieldToOthers();
// Before everybody else for the processor, where that is allowed; in a session of its own.
void GoBeforeOthers();
void PreferAsVictim();
void SetUmask(unsigned mask);
// Whether others of the same user may look into the process, trace it and get its core. A new
// program may be looked into; what is forked inherits it.
void SetDumpable(bool dumpable);
void SetProcessName(const char* name);

// A deny list: an allow list breaks name resolution.
class SystemCallFilter {
 public:
  struct Allowed {
    bool execution = false;       // for commands
    bool other_processes = true;  // false: where no PID namespace keeps them out of reach
  };
  // An error in words where the kernel has no seccomp.
  static std::expected<SystemCallFilter, std::string> Make(Allowed allowed);
  int Install() const;

 private:
  std::vector<std::uint64_t> instructions_;  // struct sock_filter
};

// The file system as the attempt may see it (Landlock).
class FileAccess {
 public:
  // Reads what libraries need, writes only its scratch directory.
  static std::expected<FileAccess, std::string> LibrariesOnly();
  // Everything but these paths, where there is no mount namespace. Landlock can only allow: what is
  // made beside them later is refused too, and so is every new file in a directory on the way.
  static std::expected<FileAccess, std::string> AllBut(const std::vector<std::string>& hidden);
  // Every file; but no signals, sockets and traces out of the attempt.
  static std::expected<FileAccess, std::string> Everything();
  // Also allows everything below these directories, then restricts the caller for good.
  int Restrict(std::initializer_list<int> directories) const;

 private:
  struct Rule {
    Descriptor path;
    std::uint64_t access;
  };
  static std::expected<FileAccess, std::string> Empty();
  void Allow(const std::string& path, std::uint64_t access);
  void AllowBeside(const std::string& directory, const std::vector<std::string>& hidden);
  std::vector<Rule> rules_;
  int shortage_ = 0;  // a path could not be opened for want of something: not seen is not allowed
  std::uint64_t handled_ = 0;
  bool scoped_ = false;
};

}  // namespace forager::os
