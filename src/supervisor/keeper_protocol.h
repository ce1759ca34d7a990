// The words between server and keeper: one message each, on a SOCK_SEQPACKET pair. Read defensively
// by both: a message that cannot be read ends the connection.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "job/outcome.h"

namespace forager::supervisor {

// Server to keeper.
struct Configure {
  std::string data_dir;  // canonical
  std::string run_as;
  std::uint32_t generation = 0;  // its byte of the attempts' lock
  std::uint32_t umask = 0022;    // of attempts
  std::vector<std::string> hidden, read_only;
};
// What commands started from now on do not see, or do not change.
struct ProtectFiles {
  std::vector<std::string> hidden, read_only;
};
struct StartAttempt {  // with three descriptors: input, events, error output
  std::uint64_t id = 0;
  std::string job_id;
  int attempt = 0;
  std::string collector;
  std::vector<std::string> command;
  std::int64_t memory_bytes = 0;
};
struct SignalAttempt {  // for a server that could not receive the pidfd
  std::uint64_t id = 0;
  int signal = 0;
};
// The server's leases hold until then, by CLOCK_BOOTTIME in ms; kept by the keeper alone when the
// server is stopped or cut off. Never said where leases cannot be lost.
struct GoodUntil {
  std::int64_t boot_ms = 0;
};
struct Ping {};

// Keeper to server.
struct Ready {
  bool namespaces = true;  // false: SIGKILL to the first process would orphan the rest
};
struct Pong {};
struct AttemptStarted {  // with the pidfd of the first process of its tree
  std::uint64_t id = 0;
  int pid = 0;  // the collector's
};
struct AttemptNotStarted {
  std::uint64_t id = 0;
  std::string reason;
  bool resources = false;
};
struct AttemptEnded {
  std::uint64_t id = 0;
  int status = 0;  // as of waitpid
  bool released = false;
  bool lease_lost = false;  // the keeper killed it
  Usage usage;
};
struct AttemptReleased {
  std::uint64_t id = 0;
  Usage usage;
};
struct MemoryExceeded {
  std::uint64_t id = 0;
};

using KeeperMessage = std::variant<Configure, StartAttempt, SignalAttempt, Ping, Ready, Pong,
                                   AttemptStarted, AttemptNotStarted, AttemptEnded, AttemptReleased,
                                   MemoryExceeded, GoodUntil, ProtectFiles>;

std::string Encode(const KeeperMessage& message);
std::optional<KeeperMessage> Decode(std::string_view bytes);

// A command longer than this cannot be started.
constexpr std::size_t kMaxCommandBytes = 64 * 1024;

}  // namespace forager::supervisor
