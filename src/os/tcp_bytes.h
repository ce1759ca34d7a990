// How many bytes each TCP connection of this network namespace has moved, from the kernel's socket
// diagnostics: recv() and send() are counted nowhere else. One dump for all who want to know, read
// in parts so that no loop stands still for it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "os/clock.h"
#include "os/descriptor.h"

namespace forager::os {

struct TcpBytes {
  std::int64_t received = 0, sent = 0;  // what was acknowledged; neither SYN, FIN nor keep-alives
  std::int64_t parts_received = 0, parts_sent = 0;  // segments that carried them
};

class TcpDump {
 public:
  // Begins a dump that keeps the connections with these inodes.
  explicit TcpDump(std::unordered_map<std::uint64_t, TcpBytes> wanted);
  // Reads on for about as long as that. True: all was read, or the kernel refuses.
  bool Continue(std::chrono::microseconds budget);
  // Of an inode that was wanted; null when it is no connection, or was not told of.
  const TcpBytes* Find(std::uint64_t inode) const;
  // False: the kernel refused, or lost a part of it.
  bool complete() const { return complete_; }

 private:
  bool Ask(int family);
  bool TakePart();  // false: this family is done

  std::unordered_map<std::uint64_t, TcpBytes> found_;
  Descriptor socket_;
  std::vector<int> families_;
  std::vector<char> buffer_;
  bool complete_ = true;
};

}  // namespace forager::os
