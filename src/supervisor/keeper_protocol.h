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
#include "job/type_catalog.h"

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
// With descriptors: input, events, error output; and the output that is apart from events, if any.
struct StartAttempt {
  std::uint64_t id = 0;
  std::string job_id;
  int attempt = 0;
  std::string collector;
  std::vector<std::string> command;
  std::string directory;
  std::vector<std::string> environment;  // NAME=VALUE
  TreeLimits limits;
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
// What the job kept between its attempts is no longer needed.
struct ForgetState {
  std::string job_id;
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
  bool machine = false;
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
enum class Limit : std::uint8_t { kMemory, kProcesses, kThreads, kScratch };
struct LimitExceeded {
  std::uint64_t id = 0;
  std::uint8_t limit = 0;
};

using KeeperMessage = std::variant<Configure, StartAttempt, SignalAttempt, Ping, Ready, Pong,
                                   AttemptStarted, AttemptNotStarted, AttemptEnded, AttemptReleased,
                                   LimitExceeded, GoodUntil, ProtectFiles, ForgetState>;

std::string Encode(const KeeperMessage& message);
std::optional<KeeperMessage> Decode(std::string_view bytes);

// A command longer than this cannot be started.
constexpr std::size_t kMaxCommandBytes = 64 * 1024;
// Words and environment together: what one message holds, with room for the rest of it.
constexpr std::size_t kMaxStartBytes = 144 * 1024;

// Threads of a tree, for each process that it may have.
constexpr int kThreadsPerProcess = 16;

}  // namespace forager::supervisor
