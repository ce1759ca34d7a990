// Standard output with its errors told: a reader that went away ends the command quietly, a full
// disk with a line. Written by one thread.
#pragma once

#include <string>
#include <string_view>

namespace forager::cli {

// Thrown by Out; caught where the command was called.
struct BrokenOutput {
  int error;  // errno
};

class Out {
 public:
  explicit Out(int fd) : fd_(fd) {}
  Out(const Out&) = delete;
  Out& operator=(const Out&) = delete;

  void Write(std::string_view text);
  void Line(std::string_view text);
  void Flush();
  int fd() const { return fd_; }

 private:
  int fd_;
  std::string waiting_;
};

}  // namespace forager::cli
