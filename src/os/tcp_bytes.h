// How many bytes each TCP connection of this network namespace has moved, from the kernel's socket
// diagnostics: recv() and send() are counted nowhere else. One dump for all who want to know.
#pragma once

#include <cstdint>
#include <unordered_map>

namespace forager::os {

struct TcpBytes {
  std::int64_t received = 0, sent = 0;  // what was acknowledged; neither SYN, FIN nor keep-alives
  std::int64_t parts_received = 0, parts_sent = 0;  // segments that carried them
};

struct TcpDump {
  // By inode, as asked for. Zero: it is no connection, or was not told of.
  std::unordered_map<std::uint64_t, TcpBytes> connections;
  bool complete = true;  // false: the kernel refused, or lost a part of it
};
TcpDump DumpTcp(std::unordered_map<std::uint64_t, TcpBytes> wanted);

}  // namespace forager::os
