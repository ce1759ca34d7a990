#include "os/proc_files.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <map>
#include <memory>
#include <sstream>

#include "os/descriptor.h"

namespace forager::os {
namespace {

constexpr std::size_t kMaxProcesses = 4096;
constexpr std::size_t kMaxSockets = 32;
constexpr int kMaxOpenFiles = 512;
constexpr std::size_t kMaxSocketTable = 1 << 20;

std::string Path(pid_t pid, const char* name) {
  return "/proc/" + std::to_string(pid) + "/" + name;
}

// Calls `see` with every entry's name until it says false.
template <typename See>
void ForEachEntry(const std::string& directory, See see) {
  std::unique_ptr<DIR, int (*)(DIR*)> dir(opendir(directory.c_str()), closedir);
  if (!dir) return;
  while (dirent* entry = readdir(dir.get())) {
    if (entry->d_name[0] != '.' && !see(entry->d_name)) return;
  }
}

pid_t ParsePid(std::string_view text) {
  pid_t pid = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
  return error == std::errc() && end == text.data() + text.size() ? pid : 0;
}

void AppendChildren(pid_t pid, std::vector<pid_t>& found) {
  std::string task = Path(pid, "task");
  ForEachEntry(task, [&](const char* thread) {
    std::istringstream children(ReadSmallFile(task + "/" + thread + "/children", 1 << 16));
    for (pid_t child; found.size() < kMaxProcesses && children >> child;) found.push_back(child);
    return found.size() < kMaxProcesses;
  });
}

std::string FirstLineWith(const std::string& text, std::string_view key) {
  auto at = text.find(key);
  if (at == std::string::npos) return {};
  auto from = text.find_first_not_of(" \t", at + key.size());
  if (from == std::string::npos) return {};
  return text.substr(from, text.find('\n', from) - from);
}

std::string Trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

// "0100007F:1F90" as the kernel writes it: words of the host's order.
std::string ReadableAddress(const std::string& hex) {
  auto colon = hex.find(':');
  if (colon != 8 && colon != 32) return hex;
  std::array<std::uint32_t, 4> words{};
  for (std::size_t i = 0; i * 8 < colon; ++i) {
    std::from_chars(hex.data() + i * 8, hex.data() + i * 8 + 8, words[i], 16);
  }
  unsigned port = 0;
  std::from_chars(hex.data() + colon + 1, hex.data() + hex.size(), port, 16);
  char text[INET6_ADDRSTRLEN];
  inet_ntop(colon == 8 ? AF_INET : AF_INET6, words.data(), text, sizeof text);
  std::string address = colon == 8 ? text : "[" + std::string(text) + "]";
  return address + ":" + std::to_string(port);
}

std::string SocketState(const std::string& hex) {
  static const std::map<std::string, std::string> names = {
      {"01", "ESTABLISHED"}, {"02", "SYN_SENT"},  {"03", "SYN_RECV"}, {"04", "FIN_WAIT1"},
      {"05", "FIN_WAIT2"},   {"06", "TIME_WAIT"}, {"07", "CLOSE"},    {"08", "CLOSE_WAIT"},
      {"09", "LAST_ACK"},    {"0A", "LISTEN"},    {"0B", "CLOSING"}};
  auto found = names.find(hex);
  return found == names.end() ? hex : found->second;
}

// Takes the sockets of `wanted` that the table names out of it.
void ReadSocketTable(pid_t pid, const char* protocol, std::map<std::string, int>& wanted,
                     std::vector<std::string>& found) {
  std::istringstream table(
      ReadSmallFile(Path(pid, ("net/" + std::string(protocol)).c_str()), kMaxSocketTable));
  std::string line;
  std::getline(table, line);  // headings
  while (!wanted.empty() && found.size() < kMaxSockets && std::getline(table, line)) {
    std::istringstream fields(line);
    std::string slot, local, remote, state, skip, inode;
    fields >> slot >> local >> remote >> state;
    for (int i = 0; i < 5; ++i) fields >> skip;
    fields >> inode;
    if (wanted.erase(inode) == 0) continue;
    found.push_back(std::string(protocol) + " " + ReadableAddress(local) + " -> " +
                    ReadableAddress(remote) + " " + SocketState(state));
  }
}

}  // namespace

std::string ReadSmallFile(const std::string& path, std::size_t limit) {
  Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  std::string text;
  if (!file) return text;
  std::array<char, 4096> part;
  while (text.size() < limit) {
    ssize_t got = read(file.get(), part.data(), std::min(part.size(), limit - text.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    text.append(part.data(), static_cast<std::size_t>(got));
  }
  return text;
}

bool WriteSmallFile(const char* path, std::string_view text) {
  Descriptor file(open(path, O_WRONLY | O_CLOEXEC));
  return file && write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

std::vector<pid_t> Descendants(pid_t root) {
  std::vector<pid_t> found;
  AppendChildren(root, found);
  for (std::size_t i = 0; i < found.size() && found.size() < kMaxProcesses; ++i) {
    AppendChildren(found[i], found);
  }
  return found;
}

ProcessView ViewProcess(pid_t pid) {
  ProcessView view;
  view.pid = pid;
  std::string status = ReadSmallFile(Path(pid, "status"));
  view.name = FirstLineWith(status, "Name:");
  view.state = FirstLineWith(status, "State:");
  view.wait_channel = Trimmed(ReadSmallFile(Path(pid, "wchan"), 256));
  if (view.wait_channel == "0") view.wait_channel.clear();
  view.system_call = Trimmed(ReadSmallFile(Path(pid, "syscall"), 512));
  view.stack = Trimmed(ReadSmallFile(Path(pid, "stack"), 4096));
  return view;
}

std::vector<std::string> OpenSockets(pid_t pid) {
  std::map<std::string, int> wanted;  // inode -> descriptor
  std::string directory = Path(pid, "fd");
  int seen = 0;
  ForEachEntry(directory, [&](const char* name) {
    char target[64];
    ssize_t length = readlink((directory + "/" + name).c_str(), target, sizeof target);
    std::string_view link(target, length > 0 ? static_cast<std::size_t>(length) : 0);
    if (link.starts_with("socket:[") && link.ends_with(']')) {
      wanted.emplace(link.substr(8, link.size() - 9), ParsePid(name));
    }
    return ++seen < kMaxOpenFiles;
  });
  std::vector<std::string> found;
  for (const char* protocol : {"tcp", "tcp6", "udp", "udp6"}) {
    if (wanted.empty()) break;
    ReadSocketTable(pid, protocol, wanted, found);
  }
  if (!wanted.empty()) found.push_back(std::to_string(wanted.size()) + " other");
  return found;
}

bool HasInEnvironment(pid_t pid, std::string_view entry) {
  std::string environment(1, '\0');
  environment += ReadSmallFile(Path(pid, "environ"), 1 << 16);
  return environment.find('\0' + std::string(entry)) != std::string::npos;
}

std::vector<pid_t> FindByEnvironment(std::string_view entry) {
  std::vector<pid_t> found;
  ForEachEntry("/proc", [&](const char* name) {
    pid_t pid = ParsePid(name);
    if (pid <= 1 || pid == getpid()) return true;
    if (HasInEnvironment(pid, entry)) found.push_back(pid);
    return found.size() < kMaxProcesses;
  });
  return found;
}

}  // namespace forager::os
