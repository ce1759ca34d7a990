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

std::optional<std::string> RefusedPaths::OfWord(const std::string& word) const {
  struct stat about {};
  if (!word.starts_with('/') || stat(word.c_str(), &about) != 0) return std::nullopt;
  std::error_code error;
  std::string path = fs::weakly_canonical(word, error).string();
  if (path == data_dir_ || path.starts_with(data_dir_ + "/"))
    return fmt::format("{} is refused: {}", word, OfDataDir());
  if (std::ranges::find(hidden_, path) != hidden_.end())
    return fmt::format("{} is refused: it is a file of the server's own", word);
  if (!user_) return std::nullopt;
  if (std::string closed = os::FirstClosed(fs::path(path).parent_path(), *user_); !closed.empty()) {
    return fmt::format("{} is refused: attempts run as user {}, who may not enter {}", word,
                       user_name_, closed);
  }
  if (!MayRead(about, *user_))
    return fmt::format("{} is refused: attempts run as user {}, who may not read it (mode {:o})",
                       word, user_name_, about.st_mode & 07777);
  return std::nullopt;
}

std::optional<std::string> RefusedPaths::OfLine(std::string_view line) const {
  for (auto at = line.find(data_dir_); at != line.npos; at = line.find(data_dir_, at + 1)) {
    std::string_view rest = line.substr(at + data_dir_.size());
    bool own = rest.starts_with("/scratch/") || rest.starts_with("/state/");
    if (rest.starts_with('/') && !own) return OfDataDir();
  }
  for (const std::string& path : hidden_) {
    if (line.find(path) != line.npos)
      return fmt::format("attempts may not read or change {}, a file of the server's own", path);
  }
  return std::nullopt;
}

}  // namespace forager::supervisor
