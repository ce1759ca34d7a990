// Names what the sandbox refuses a command: paths in its arguments, and paths in what it prints,
// since that is how programs say what they could not open. Asked by the supervisor, for the job's
// log; refuses nothing itself.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "os/mount_view.h"

namespace forager::supervisor {

class RefusedPaths {
 public:
  // `user`: who attempts run as, when that is not the server's own user.
  RefusedPaths(std::string data_dir, std::string user);
  void Hide(const os::ProtectedFiles& files) { files_ = files; }

  // One sentence when the word is the path of a file that the attempt cannot read. `directory`:
  // where it runs, "" for its scratch directory.
  std::optional<std::string> OfWord(const std::string& word, const std::string& directory) const;
  // One sentence when a line of output speaks of such a file of the server's, or complains of one
  // that it cannot change.
  std::optional<std::string> OfLine(std::string_view line, const std::string& directory) const;

 private:
  std::string OfDataDir() const;
  static bool Names(std::string_view line, const std::string& path, const std::string& directory);

  std::string data_dir_, user_name_;
  std::optional<os::User> user_;
  os::ProtectedFiles files_;
};

}  // namespace forager::supervisor
