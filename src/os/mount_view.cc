#include "os/mount_view.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <set>

namespace forager::os {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxPassed = 64;  // names in the machine's /tmp that an attempt sees
constexpr int kMaxLinks = 40;
constexpr int kMqueueMagic = 0x19800202;
constexpr unsigned long kPlain = MS_NOSUID | MS_NODEV;

int Errno(int result) { return result == 0 ? 0 : errno; }

bool IsBelow(const std::string& path, const std::string& folder) {
  return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

// What the mode bits allow somebody. Access lists are not looked at.
class Rights {
 public:
  explicit Rights(const std::optional<User>& user) {
    uid_ = user ? user->uid : geteuid();
    groups_.push_back(user ? user->gid : getegid());
    if (user) return;
    std::vector<gid_t> more(256);
    int count = getgroups(static_cast<int>(more.size()), more.data());
    if (count > 0) groups_.insert(groups_.end(), more.begin(), more.begin() + count);
  }
  bool May(const struct stat& about, mode_t bits) const {
    if (uid_ == 0) return true;
    if (about.st_uid == uid_) return (about.st_mode >> 6 & bits) == bits;
    bool group = std::ranges::find(groups_, about.st_gid) != groups_.end();
    return ((group ? about.st_mode >> 3 : about.st_mode) & bits) == bits;
  }
  // May rename or remove `entry` in `folder`.
  bool MayMove(const struct stat& folder, const struct stat& entry) const {
    bool sticky = (folder.st_mode & S_ISVTX) != 0;
    return May(folder, 2) &&
           (!sticky || uid_ == 0 || uid_ == folder.st_uid || uid_ == entry.st_uid);
  }

 private:
  uid_t uid_;
  std::vector<gid_t> groups_;
};

int MakeReadOnly(const std::string& path, unsigned recursive) {
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY;
  return Errno(mount_setattr(AT_FDCWD, path.c_str(), recursive, &attributes, sizeof attributes));
}

int BindToItself(const std::string& path) {
  return Errno(mount(path.c_str(), path.c_str(), nullptr, MS_BIND | MS_REC, nullptr));
}

class Builder {
 public:
  explicit Builder(const MountView& view) : view_(view), rights_(view.user) {}

  int Build() {
    if (unshare(CLONE_NEWNS | CLONE_NEWIPC) != 0) return errno;
    if (mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) return errno;
    // Not before: what was opened in another namespace cannot be mounted in this one.
    scratch_ = Descriptor(OpenFolder(view_.scratch));
    if (!scratch_) return errno;
    for (auto step : {&Builder::CoverDataDir, &Builder::Protect, &Builder::Seal, &Builder::OwnTmp,
                      &Builder::OwnMemory, &Builder::OwnProc, &Builder::CloseSystem}) {
      if (int error = (this->*step)()) return error;
    }
    return Errno(chdir(view_.scratch.c_str()));
  }

 private:
  // An empty file system over the data directory, or over the first directory on the way to it that
  // the attempt may not pass; in it, the way to the scratch directory.
  int CoverDataDir() {
    if (int error = Pin(view_.data_dir, false)) return error;
    cover_ = view_.user ? FirstClosed(view_.data_dir, *view_.user) : "";
    if (cover_.empty()) cover_ = view_.data_dir;
    Descriptor state(view_.state.empty() ? -1 : OpenFolder(view_.state));
    if (!view_.state.empty() && !state) return errno;
    Descriptor own = Clone(scratch_), kept = state ? Clone(state) : Descriptor();
    if (!own || (state && !kept)) return errno;
    if (mount("forager", cover_.c_str(), "tmpfs", kPlain, "size=64k,nr_inodes=64,mode=755") != 0)
      return errno;
    Descriptor nothing(open(Nothing().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0));
    if (!nothing) return errno;
    if (int error = PutBack(own, view_.scratch)) return error;
    return kept ? PutBack(kept, view_.state) : 0;
  }
  int PutBack(const Descriptor& tree, const std::string& path) {
    std::string way = cover_;
    for (const fs::path& part : fs::path(path).lexically_relative(cover_)) {
      way += "/" + part.string();
      if (mkdir(way.c_str(), 0755) == 0) chmod(way.c_str(), 0755);
      else if (errno != EEXIST) return errno;
    }
    return Errno(move_mount(tree.get(), "", AT_FDCWD, way.c_str(), MOVE_MOUNT_F_EMPTY_PATH));
  }
  static int OpenFolder(const std::string& path) {
    return open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  }
  static Descriptor Clone(const Descriptor& folder) {
    return Descriptor(
        open_tree(folder.get(), "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH));
  }
  // What lies over hidden files: nobody may read it, and it is on a read-only file system.
  std::string Nothing() const { return cover_ + "/.hidden"; }

  int Protect() {
    for (const std::string& path : view_.files->hidden) {
      if (int error = ProtectOne(path, true)) return error;
    }
    for (const std::string& path : view_.files->read_only) {
      if (int error = ProtectOne(path, false)) return error;
    }
    return 0;
  }

  int ProtectOne(const std::string& path, bool hide) {
    if (path == cover_ || IsBelow(path, cover_)) return 0;
    if (int error = Pin(path, true)) return error;
    if (resolved_.empty() || resolved_ == cover_ || IsBelow(resolved_, cover_)) return 0;
    if (!done_.insert(resolved_).second) return 0;
    const std::string& from = hide ? Nothing() : resolved_;
    if (mount(from.c_str(), resolved_.c_str(), nullptr, MS_BIND, nullptr) != 0)
      return errno == ENOENT ? 0 : errno;
    return hide ? 0 : MakeReadOnly(resolved_, 0);
  }

  // Walks to the file. A directory on the way that the attempt could move, to put another in its
  // place, becomes a mount point, which cannot be moved; one with a link that it could replace
  // becomes read-only. Leaves the path without links in `resolved_`, "" when there is no such file.
  int Pin(const std::string& path, bool links) {
    resolved_.clear();
    std::vector<std::string> rest;
    Push(path, rest);
    std::string at;
    int seen = 0;
    while (!rest.empty()) {
      std::string name = std::move(rest.back());
      rest.pop_back();
      if (name == "..") {
        at.resize(at.empty() ? 0 : at.rfind('/'));
        continue;
      }
      struct stat folder {
      }, entry{};
      std::string next = at + "/" + name;
      if (stat(at.empty() ? "/" : at.c_str(), &folder) != 0 || lstat(next.c_str(), &entry) != 0)
        return 0;
      bool may_move = rights_.MayMove(folder, entry);
      if (S_ISLNK(entry.st_mode)) {
        if (++seen > kMaxLinks) return 0;
        if (links && may_move && !at.empty()) {
          if (int error = Mount(at, true)) return error;
        }
        char target[PATH_MAX];
        ssize_t length = readlink(next.c_str(), target, sizeof target);
        if (length <= 0) return 0;
        std::string to(target, static_cast<std::size_t>(length));
        if (to.starts_with('/')) at.clear();
        Push(to, rest);
        continue;
      }
      if (S_ISDIR(entry.st_mode) && may_move) {
        if (int error = Mount(next, false)) return error;
      }
      at = std::move(next);
    }
    resolved_ = at;
    return 0;
  }

  static void Push(const std::string& path, std::vector<std::string>& rest) {
    std::vector<std::string> parts;
    for (const fs::path& part : fs::path(path)) {
      std::string name = part.string();
      if (!name.empty() && name != "/" && name != ".") parts.push_back(std::move(name));
    }
    rest.insert(rest.end(), parts.rbegin(), parts.rend());
  }

  int Mount(const std::string& folder, bool read_only) {
    if (pinned_.insert(folder).second) {
      if (int error = BindToItself(folder)) return error;
    }
    return read_only ? MakeReadOnly(folder, 0) : 0;
  }

  int Seal() {
    return Errno(mount(nullptr, cover_.c_str(), nullptr, MS_REMOUNT | MS_RDONLY | kPlain, nullptr));
  }

  // A folder of the scratch directory becomes /tmp. What the command, its environment or its job
  // names there stays in sight: each costs a mount, and ten thousands of them stall the machine.
  int OwnTmp() {
    Descriptor machines(open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!machines) return 0;
    if (mkdirat(scratch_.get(), kOwnTmp, 0700) != 0 && errno != EEXIST) return errno;
    Descriptor own(
        openat(scratch_.get(), kOwnTmp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!own || fchmod(own.get(), 0700) != 0) return errno;
    if (view_.user && fchown(own.get(), view_.user->uid, view_.user->gid) != 0) return errno;
    std::vector<Passed> passed = PassOn(machines.get(), own.get());
    Descriptor tree(open_tree(own.get(), "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH));
    if (!tree || move_mount(tree.get(), "", AT_FDCWD, "/tmp", MOVE_MOUNT_F_EMPTY_PATH) != 0)
      return errno;
    for (const Passed& one : passed) {
      std::string place = "/tmp/" + one.name;
      int moved = move_mount(one.tree.get(), "", AT_FDCWD, place.c_str(), MOVE_MOUNT_F_EMPTY_PATH);
      if (moved != 0 && errno != ENOENT) return errno;  // it was removed meanwhile
    }
    return 0;
  }

  struct Passed {
    std::string name;
    Descriptor tree;
  };

  std::vector<Passed> PassOn(int machines, int own) {
    std::vector<Passed> passed;
    std::set<std::string> seen;
    for (const std::string& name : NamedInTmp()) {
      if (seen.insert(name).second) PassOne(machines, own, name, passed);
    }
    return passed;
  }

  // The names right below /tmp that the words speak of, anywhere in them.
  std::vector<std::string> NamedInTmp() const {
    std::vector<std::string> names;
    auto look = [&](const std::string& word) {
      for (auto at = word.find("/tmp/"); at != word.npos && names.size() < kMaxPassed;
           at = word.find("/tmp/", at + 1)) {
        auto end = word.find_first_of("/ \t\n'\"`;:|&()<>,=$", at + 5);
        names.push_back(word.substr(at + 5, end == word.npos ? end : end - at - 5));
      }
    };
    look(view_.data_dir);
    for (const std::string& word : view_.named) look(word);
    return names;
  }

  // What goes away meanwhile is not there.
  void PassOne(int machines, int own, const std::string& name, std::vector<Passed>& passed) {
    struct stat about {};
    const char* text = name.c_str();
    if (name.empty() || name == "." || name == ".." ||
        fstatat(machines, text, &about, AT_SYMLINK_NOFOLLOW) != 0)
      return;
    if (S_ISLNK(about.st_mode)) return CopyLink(machines, own, text);
    bool folder = S_ISDIR(about.st_mode);
    mode_t needed = folder ? 1 : S_ISSOCK(about.st_mode) ? 2 : 4;
    if (!rights_.May(about, needed)) return;
    Descriptor tree(open_tree(machines, text,
                              OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW |
                                  static_cast<unsigned>(AT_RECURSIVE)));
    if (!tree) return;
    if (folder && mkdirat(own, text, 0700) != 0) return;
    if (!folder && !Descriptor(openat(own, text, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)))
      return;
    passed.push_back({name, std::move(tree)});
  }

  static void CopyLink(int machines, int own, const char* name) {
    char target[PATH_MAX] = {};
    ssize_t length = readlinkat(machines, name, target, sizeof target - 1);
    if (length <= 0 || symlinkat(target, own, name) != 0) return;
  }

  int OwnMemory() {
    std::string options = "mode=1777";
    if (view_.shared_memory > 0) options += ",size=" + std::to_string(view_.shared_memory);
    if (mount("shm", "/dev/shm", "tmpfs", kPlain, options.c_str()) != 0 && errno != ENOENT)
      return errno;
    struct statfs queues {};
    if (statfs("/dev/mqueue", &queues) == 0 && queues.f_type == kMqueueMagic)
      return Errno(mount("mqueue", "/dev/mqueue", "mqueue", kPlain | MS_NOEXEC, nullptr));
    return 0;
  }

  int OwnProc() {
    if (mount("proc", "/proc", "proc", kPlain | MS_NOEXEC, nullptr) != 0) {
      if (errno != EPERM) return errno;
      // A container hides parts of its own: then nobody's may be written, at least.
      if (int error = BindToItself("/proc")) return error;
      return MakeReadOnly("/proc", AT_RECURSIVE);
    }
    if (int error = BindToItself("/proc/sys")) return error;
    return MakeReadOnly("/proc/sys", 0);
  }

  // Control groups and devices are set by the system's administrator; the bus of the user's own
  // session would start programs outside of everything here.
  int CloseSystem() {
    if (int error = BindToItself("/sys")) return error == ENOENT ? 0 : error;
    if (int error = MakeReadOnly("/sys", AT_RECURSIVE)) return error;
    if (view_.user) return 0;
    bool covered = mount("forager", "/run/user", "tmpfs", kPlain | MS_RDONLY, "mode=755") == 0;
    return covered || errno == ENOENT ? 0 : errno;
  }

  const MountView& view_;
  const Rights rights_;
  Descriptor scratch_;
  std::string cover_, resolved_;
  std::set<std::string> pinned_, done_;
};

}  // namespace

std::expected<void, std::string> ProbeMounts(Isolation isolation) {
  if (isolation == Isolation::kNone) return std::unexpected("there are no PID namespaces");
  uid_t uid = geteuid();
  gid_t gid = getegid();
  auto child = ForkInto(isolation);
  if (!child) return std::unexpected(std::strerror(child.error()));
  if (child->pid == 0) {
    int error = 0;
    if (isolation == Isolation::kUserAndPidNamespace) {
      SetDumpable(true);
      error = MapOwnIds(uid, gid);
    }
    if (!error) error = Errno(unshare(CLONE_NEWNS | CLONE_NEWIPC));
    if (!error) error = Errno(mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr));
    if (!error) error = Errno(mount("forager", "/dev", "tmpfs", kPlain, nullptr));
    if (!error) error = MakeReadOnly("/dev", 0);
    _exit(error);
  }
  int status = 0;
  if (waitpid(child->pid, &status, __WALL) < 0) return std::unexpected(std::strerror(errno));
  if (status == 0) return {};
  return std::unexpected(WIFEXITED(status) ? std::strerror(WEXITSTATUS(status)) : "it was killed");
}

int EnterMountView(const MountView& view) { return Builder(view).Build(); }

std::string FirstClosed(const std::string& path, const User& user) {
  Rights rights{user};
  std::string at;
  for (const fs::path& part : fs::path(path).relative_path()) {
    at += "/" + part.string();
    struct stat about {};
    if (stat(at.c_str(), &about) != 0) return "";
    if (!rights.May(about, 1)) return at;
  }
  return "";
}

}  // namespace forager::os
