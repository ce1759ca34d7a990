// Whole messages with descriptors between processes: a SOCK_SEQPACKET pair. Used between server and
// keeper, and between an attempt's first process and the keeper. Never blocks.
#pragma once

#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "os/descriptor.h"

namespace forager::os {

constexpr std::size_t kMaxMessage = 160 * 1024;

struct Message {
  std::string bytes;
  std::vector<Descriptor> descriptors;
  int sender_pid = 0;             // in the receiver's PID namespace; 0 unless asked for
  bool descriptors_lost = false;  // there was no room for them here (EMFILE)
};

enum class Sent { kDone, kFull, kClosed };
enum class Received { kMessage, kNothing, kClosed };

// The second end learns the sender's pid with every message.
std::expected<std::pair<Descriptor, Descriptor>, int> MakeMessagePair();
Sent Send(int socket, std::string_view bytes, std::span<const int> descriptors = {});
// Waits for room. For the first process of an attempt, which has nothing better to do.
Sent SendBlocking(int socket, std::string_view bytes);
Received Receive(int socket, Message& message);
bool IsMessageSocket(int fd);

}  // namespace forager::os
