// What `forager doctor` sees on the machine itself: settings, folders, disk, clock, sandbox,
// limits.
#include <fmt/format.h>
#include <pwd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <sstream>

#include "cli/doctor.h"
#include "cli/text.h"
#include "os/proc_files.h"

namespace forager::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMiB = 1 << 20;
constexpr std::int64_t kFull = 16 * kMiB;  // the server gives up its reserve
constexpr std::int64_t kLittle = 512 * kMiB;
constexpr std::int64_t kLargeLog = 1024 * kMiB;
constexpr unsigned long kFewFiles = 1'000;
constexpr const char* kDefaultDataDir = "./forager-data";

bool IsProgram(const std::string& path) {
  struct stat file {};
  return stat(path.c_str(), &file) == 0 && S_ISREG(file.st_mode) && access(path.c_str(), X_OK) == 0;
}

bool IsInPath(const std::string& program) {
  if (program.find('/') != program.npos) return IsProgram(program);
  const char* path = getenv("PATH");
  std::istringstream folders(path ? path : "/usr/local/bin:/usr/bin:/bin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (IsProgram(folder + "/" + program)) return true;
  }
  return false;
}

// The path, or the nearest of its parents that is there.
std::string Existing(const std::string& path) {
  std::error_code error;
  fs::path at = fs::absolute(path, error);
  while (!at.empty() && !fs::exists(at, error) && at != at.root_path()) at = at.parent_path();
  return at.string();
}

void CheckCommands(Examination& e) {
  for (const auto& [type, program] : e.settings->commands) {
    if (IsInPath(program)) continue;
    e.Add(
        "settings", Health::kFault,
        fmt::format("the collector of type {} is {}, which is no program here", type, program),
        fmt::format("install it, or mend [types.{}] command in {}", type, e.settings->config_file));
  }
}

void CheckRoom(Examination& e, const std::string& what, const std::string& path) {
  struct statvfs room {};
  std::string at = Existing(path);
  if (statvfs(at.c_str(), &room) != 0) {
    return e.Add("disk", Health::kFault,
                 fmt::format("{} ({}) cannot be looked at: {}", what, at, std::strerror(errno)),
                 "check that its file system is mounted");
  }
  auto unit = static_cast<std::int64_t>(room.f_frsize);
  std::int64_t free = static_cast<std::int64_t>(room.f_bavail) * unit;
  std::int64_t all = static_cast<std::int64_t>(room.f_blocks) * unit;
  std::string said = fmt::format("{} of {} free for {} ({})", Bytes(free), Bytes(all), what, at);
  std::string advice = fmt::format(
      "free space: `du -xsh {}/* | sort -h` shows what is large; `forager jobs delete "
      "--status completed --before 30d` removes old jobs",
      at);
  if ((room.f_flag & ST_RDONLY) != 0)
    e.Add("disk", Health::kFault, fmt::format("{} is mounted read-only", at),
          "see `dmesg` for errors of the disk, then mount it for writing");
  else if (free < kFull)
    e.Add("disk", Health::kFault, "full: only " + said, advice);
  else if (room.f_files > 0 && room.f_favail == 0)
    e.Add("disk", Health::kFault, fmt::format("no inode is free on {}: no file can be made", at),
          "remove small files");
  else if (free < std::min(kLittle, all / 10))
    e.Add("disk", Health::kWarning, "only " + said, advice);
  else if (room.f_files > 0 && room.f_favail < kFewFiles)
    e.Add("disk", Health::kWarning, fmt::format("only {} inodes are free on {}", room.f_favail, at),
          "remove small files");
  else
    e.Ok("disk", said);
}

void CheckSecrets(Examination& e) {
  for (const char* name : {"admin.token", "server.json", "forager.db"}) {
    std::string path = e.data_dir + "/" + name;
    struct stat file {};
    if (stat(path.c_str(), &file) != 0 || (file.st_mode & 0077) == 0) continue;
    bool token = std::string_view(name) == "admin.token";
    e.Add("files", token ? Health::kFault : Health::kWarning,
          fmt::format("others on this machine may read or write {} (mode {:o})", path,
                      file.st_mode & 0777),
          token ? fmt::format("chmod 600 {}, then make a new token and revoke this one", path)
                : fmt::format("chmod 600 {}", path));
  }
}

std::int64_t LimitOf(const std::string& limits, std::string_view name, bool hard) {
  auto at = limits.find(name);
  if (at == limits.npos) return -1;
  std::istringstream fields(limits.substr(at + name.size(), 60));
  std::string soft_text, hard_text;
  fields >> soft_text >> hard_text;
  const std::string& text = hard ? hard_text : soft_text;
  return text == "unlimited" ? std::numeric_limits<std::int64_t>::max() : std::atoll(text.c_str());
}

std::string Count(std::int64_t number) {
  return number == std::numeric_limits<std::int64_t>::max() ? "unlimited" : Grouped(number);
}

}  // namespace

void CheckSettings(Examination& e, const std::string& config) {
  auto settings = e.machine.settings(e.data_dir == kDefaultDataDir ? "" : e.data_dir, config);
  if (!settings) {
    return e.Add("settings", Health::kFault, settings.error().detail,
                 "mend it; `forager config` prints every setting and where it comes from");
  }
  e.settings = *settings;
  if (e.settings->data_dir != e.data_dir) {
    e.data_dir = e.settings->data_dir;
    Environment environment;
    if (!e.client.server.token.empty()) environment["FORAGER_TOKEN"] = e.client.server.token;
    if (auto server = FindServer("", e.data_dir, environment)) e.client.server = *server;
  }
  e.Ok("settings", e.settings->config_file.empty() ? "valid; no configuration file"
                                                   : "valid: " + e.settings->config_file);
  CheckCommands(e);
  bool root = geteuid() == 0;
  if (root && e.settings->run_as.empty())
    e.Add("settings", Health::kWarning, "run_as is empty: attempts run as root",
          "name a user without rights, such as nobody");
  if (root && !e.settings->run_as.empty() && getpwnam(e.settings->run_as.c_str()) == nullptr)
    e.Add("settings", Health::kFault,
          fmt::format("run_as names {}, who is no user here", e.settings->run_as),
          "make the user, or name another");
}

void CheckDataDir(Examination& e) {
  struct stat folder {};
  if (stat(e.data_dir.c_str(), &folder) != 0) {
    return e.Add("files", Health::kWarning,
                 fmt::format("the data directory {} is not there", e.data_dir),
                 fmt::format("`forager serve --data-dir {}` makes it; --data-dir names another",
                             e.data_dir));
  }
  if (!S_ISDIR(folder.st_mode))
    return e.Add("files", Health::kFault, e.data_dir + " is not a directory", "move it away");
  if (folder.st_uid != geteuid() && geteuid() != 0) {
    const passwd* owner = getpwuid(folder.st_uid);
    return e.Add("files", Health::kWarning,
                 fmt::format("{} is another user's: much cannot be seen", e.data_dir),
                 fmt::format("run `forager doctor` as {} or root",
                             owner ? owner->pw_name : std::to_string(folder.st_uid)));
  }
  if (access(e.data_dir.c_str(), W_OK | X_OK) != 0)
    return e.Add("files", Health::kFault, e.data_dir + " cannot be written",
                 fmt::format("chmod u+rwx {}", e.data_dir));
  if ((folder.st_mode & 0066) != 0)
    e.Add("files", Health::kWarning,
          fmt::format("others may look into {} (mode {:o})", e.data_dir, folder.st_mode & 0777),
          fmt::format("chmod go-rw {}", e.data_dir));
  std::size_t before = e.findings.size();
  CheckSecrets(e);
  struct stat log {};
  if (e.settings && stat(e.settings->log_file.c_str(), &log) == 0 && log.st_size > kLargeLog)
    e.Add("files", Health::kWarning,
          fmt::format("the log {} has {}", e.settings->log_file, Bytes(log.st_size)),
          "move it away and send the server SIGHUP; logrotate can do so");
  if (e.findings.size() == before) e.Ok("files", e.data_dir + " is ours alone");
}

void CheckDisk(Examination& e) {
  CheckRoom(e, "data", e.data_dir);
  if (!e.settings) return;
  struct stat data {
  }, other{};
  bool known = stat(Existing(e.data_dir).c_str(), &data) == 0;
  for (const auto& [what, path] :
       {std::pair("the database", e.settings->database_file), {"the log", e.settings->log_file}}) {
    if (path.empty() || stat(Existing(path).c_str(), &other) != 0) continue;
    if (!known || other.st_dev != data.st_dev) CheckRoom(e, what, path);
  }
}

void CheckSandbox(Examination& e) {
  auto offered = e.machine.sandbox();
  auto has = [&](const char* name) { return offered[name] == "yes"; };
  bool held = has("pid_namespaces") || has("user_namespaces");
  if (held) {
    e.Ok("sandbox", has("pid_namespaces")
                        ? "attempts get PID namespaces"
                        : "attempts get PID namespaces by way of user namespaces");
  } else {
    e.Add("sandbox", Health::kWarning,
          fmt::format("no PID namespaces ({}): attempts' trees are swept instead",
                      offered["user_namespaces"]),
          "allow user namespaces (`sysctl kernel.unprivileged_userns_clone=1`, "
          "user.max_user_namespaces > 0), or run the server as root");
  }
  if (has("mounts"))
    e.Ok("sandbox", "commands get a view of the file system of their own");
  else
    e.Add("sandbox", Health::kWarning,
          fmt::format("no mount namespaces ({}): Landlock alone hides the server's files, no command "
                      "can make files in a directory on the way to the data directory, and /tmp is "
                      "everybody's",
                      offered["mounts"]),
          "allow user namespaces, or run the server as root; see doc/security.md");
  for (const auto& [name, advice] : {std::pair("seccomp", "use a kernel with seccomp filters"),
                                     {"landlock",
                                      "use Linux 5.13 or newer with landlock among the LSMs (lsm= "
                                      "on the kernel's command line)"}}) {
    if (has(name))
      e.Ok("sandbox", fmt::format("{} filters what attempts may do", name));
    else
      e.Add("sandbox", Health::kWarning, fmt::format("no {}: {}", name, offered[name]), advice);
  }
  if (has("signs_of_life"))
    e.Ok("signs of life", "what silent commands read, write, send and receive is seen");
  else
    e.Add("signs of life", Health::kWarning,
          fmt::format("bytes moved by silent commands are not seen ({}): those that run for a "
                      "moment and rest again are given credit",
                      offered["signs_of_life"]),
          "give the server CAP_SYS_PTRACE (`--cap-add SYS_PTRACE`) and a kernel with tcp_diag");
}

namespace {

// Limits that end or hinder a server whatever it is asked to do.
void CheckSmallLimits(Examination& e, const std::string& limits, const std::string& whose) {
  std::int64_t file = LimitOf(limits, "Max file size", true);
  if (file >= 0 && file < 1024 * kMiB)
    e.Add("limits", file < 128 * kMiB ? Health::kFault : Health::kWarning,
          fmt::format("no file of {} may grow beyond {}, the database neither", whose, Bytes(file)),
          "raise it, best to unlimited (LimitFSIZE= of the service, `ulimit -Hf`)");
  std::int64_t seconds = LimitOf(limits, "Max cpu time", true);
  if (seconds >= 0 && seconds != std::numeric_limits<std::int64_t>::max())
    e.Add("limits", Health::kWarning,
          fmt::format("{} is killed after {} of processor time", whose,
                      LongSpan(std::chrono::seconds(std::min<std::int64_t>(seconds, 1 << 30)))),
          "take the limit away (LimitCPU= of the service, `ulimit -Ht`)");
}

}  // namespace

void CheckLimits(Examination& e) {
  bool of_server = e.server_pid > 0;
  std::string limits = os::ReadSmallFile(
      of_server ? fmt::format("/proc/{}/limits", e.server_pid) : "/proc/self/limits", 8'192);
  if (limits.empty() && of_server)
    return e.Add("limits", Health::kNote, "the server's limits cannot be read",
                 "run as its user or root");
  std::string whose = of_server ? "the server" : "this shell";
  std::int64_t needed = (e.settings ? e.settings->max_connections : 3'000) + 128;
  std::int64_t files = LimitOf(limits, "Max open files", true);
  std::string advice = fmt::format(
      "raise the hard limit to at least {} (LimitNOFILE= of the service, `ulimit -Hn`), or lower "
      "max_connections",
      needed);
  if (files >= 0 && files < 256)
    e.Add("limits", Health::kFault, fmt::format("{} may open {} files, far too few", whose, files),
          advice);
  else if (files >= 0 && files < needed)
    e.Add("limits", Health::kWarning,
          fmt::format("{} may open {} files; the settings need {}", whose, files, needed), advice);
  else
    e.Ok("limits", fmt::format("{} may open {} files", whose, Count(files)));
  CheckSmallLimits(e, limits, whose);
}

}  // namespace forager::cli
