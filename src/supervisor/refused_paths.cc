#include "supervisor/refused_paths.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

namespace forager::supervisor {
namespace {

namespace fs = std::filesystem;

bool MayRead(const struct stat& about, const os::User& user) {
  if (user.uid == 0) return true;
  if (about.st_uid == user.uid) return (about.st_mode & 0400) != 0;
  return (about.st_mode & (about.st_gid == user.gid ? 0040 : 0004)) != 0;
}

bool Complains(std::string_view line) {
  constexpr std::string_view kWords[] = {"ermission denied", "ead-only file system",
                                         "o such file",      "EACCES",
                                         "EROFS",            "ENOENT",
                                         "not permitted",    "EPERM"};
  return std::ranges::any_of(kWords, [&](auto word) { return line.find(word) != line.npos; });
}

}  // namespace

RefusedPaths::RefusedPaths(std::string data_dir, std::string user)
    : data_dir_(std::move(data_dir)), user_name_(std::move(user)) {
  if (!user_name_.empty()) user_ = os::FindUser(user_name_);
}

std::string RefusedPaths::OfDataDir() const {
  return fmt::format(
      "attempts may not read the data directory {}: keep programs and their files elsewhere",
      data_dir_);
}

std::optional<std::string> RefusedPaths::OfWord(const std::string& word,
                                                const std::string& directory) const {
  struct stat about {};
  std::string place = word.starts_with('/') || directory.empty() ? word : directory + "/" + word;
  if (!place.starts_with('/') || stat(place.c_str(), &about) != 0) return std::nullopt;
  std::error_code error;
  std::string path = fs::weakly_canonical(place, error).string();
  if (path == data_dir_ || path.starts_with(data_dir_ + "/"))
    return fmt::format("its argument {} is refused: {}", word, OfDataDir());
  if (std::ranges::find(files_.hidden, path) != files_.hidden.end())
    return fmt::format("its argument {} is refused: it is a file of the server's own", word);
  if (!user_) return std::nullopt;
  if (std::string closed = os::FirstClosed(fs::path(path).parent_path(), *user_); !closed.empty()) {
    return fmt::format("its argument {} is refused: attempts run as user {}, who may not enter {}",
                       word, user_name_, closed);
  }
  if (!MayRead(about, *user_))
    return fmt::format(
        "its argument {} is refused: attempts run as user {}, who may not read it (mode {:o})",
        word, user_name_, about.st_mode & 07777);
  return std::nullopt;
}

// By its path, or by the one from the directory in a line that complains.
bool RefusedPaths::Names(std::string_view line, const std::string& path,
                         const std::string& directory) {
  if (line.find(path) != line.npos) return true;
  if (directory.empty() || !Complains(line)) return false;
  std::error_code error;
  fs::path here = fs::weakly_canonical(directory, error);
  std::string below = fs::path(path).lexically_relative(here).string();
  return !below.empty() && !below.starts_with("..") && line.find(below) != line.npos;
}

std::optional<std::string> RefusedPaths::OfLine(std::string_view line,
                                                const std::string& directory) const {
  for (auto at = line.find(data_dir_); at != line.npos; at = line.find(data_dir_, at + 1)) {
    std::string_view rest = line.substr(at + data_dir_.size());
    bool own = rest.starts_with("/scratch/") || rest.starts_with("/state/");
    if (rest.starts_with('/') && !own) return OfDataDir();
  }
  if (line.find(data_dir_) == line.npos && Names(line, data_dir_ + "/", directory))
    return OfDataDir();
  for (const std::string& path : files_.hidden) {
    if (Names(line, path, directory))
      return fmt::format("attempts may not read or change {}, a file of the server's own", path);
  }
  for (const std::string& path : files_.read_only) {
    if (Complains(line) && Names(line, path, directory))
      return fmt::format("attempts may not change {}, a file of the server's own", path);
  }
  return std::nullopt;
}

}  // namespace forager::supervisor
