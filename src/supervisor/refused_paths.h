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
  void Hide(const os::ProtectedFiles& files) { hidden_ = files.hidden; }

  // One sentence when the word is the path of a file that the attempt cannot read.
  std::optional<std::string> OfWord(const std::string& word) const;
  // One sentence when a line of output speaks of such a file of the server's.
  std::optional<std::string> OfLine(std::string_view line) const;

 private:
  std::string OfDataDir() const;

  std::string data_dir_, user_name_;
  std::optional<os::User> user_;
  std::vector<std::string> hidden_;
};

}  // namespace forager::supervisor
