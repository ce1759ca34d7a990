#include "supervisor/keeper_link.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "os/socket_messages.h"
#include "supervisor/leftovers.h"

namespace forager::supervisor {
namespace {

using std::chrono::milliseconds;

constexpr int kMaxUnanswered = 5;
constexpr int kMaxMessagesPerRound = 256;
constexpr milliseconds kReadyLimit{20'000};
constexpr milliseconds kDeathLimit{1000};
constexpr milliseconds kFirstDelay{200};
constexpr milliseconds kLastDelay{10'000};
// A keeper that lived this long was a good one: the next starts at once.
constexpr std::chrono::seconds kGoodLife{10};

// Nothing of the server's environment but what libraries need: it holds secrets. Symbols are looked
// up once, by the keeper; else every attempt would, for the libraries' own calls.
std::vector<std::string> CleanEnvironment(const std::string& data_dir) {
  std::vector<std::string> environment = {LeftoverMarker(data_dir), "LD_BIND_NOW=1"};
  for (const char* name : {"PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR",
                           "ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"}) {
    if (const char* value = std::getenv(name))
      environment.push_back(fmt::format("{}={}", name, value));
  }
  return environment;
}

}  // namespace

KeeperLink::~KeeperLink() {
  if (child_.pid <= 0) return;
  os::SendSignal(child_.pidfd, SIGKILL);
  if (os::WaitEnded(child_.pidfd, kDeathLimit)) os::Reap(child_.pidfd);
}

Result<void> KeeperLink::Start() {
  if (auto launched = Launch(); !launched) return launched;
  pollfd wait{socket_.get(), POLLIN, 0};
  os::Message message;
  bool answered = poll(&wait, 1, static_cast<int>(kReadyLimit.count())) == 1 &&
                  os::Receive(socket_.get(), message) == os::Received::kMessage;
  auto words = answered ? Decode(message.bytes) : std::nullopt;
  if (!words || !std::holds_alternative<Ready>(*words)) {
    return Fail(ErrorCode::kInternal, "The keeper of the attempts did not start");
  }
  namespaces_ = std::get<Ready>(*words).namespaces;
  ready_ = true;
  Listen();
  return {};
}

Result<void> KeeperLink::Launch() {
  auto pair = os::MakeMessagePair();
  if (!pair) {
    return Fail(ErrorCode::kUnavailable,
                fmt::format("The keeper's socket cannot be made: {}", std::strerror(pair.error())));
  }
  os::Program program{"/proc/self/exe",
                      {"forager", "keeper"},
                      CleanEnvironment(settings_.data_dir),
                      pair->second.get()};
  if (!settings_.argv.empty()) {
    program.path = settings_.argv.front();
    program.argv = settings_.argv;
  }
  auto child = os::StartProgram(program);
  if (!child) {
    return Fail(ErrorCode::kUnavailable,
                fmt::format("The keeper cannot be started: {}", std::strerror(child.error())));
  }
  child_ = std::move(*child);
  socket_ = std::move(pair->first);
  launched_ = os::SystemClock().SteadyNow();
  unanswered_ = 0;
  ++generation_;
  os::Send(socket_.get(),
           Encode(Configure{settings_.data_dir, settings_.run_as, generation_, settings_.umask,
                            settings_.files.hidden, settings_.files.read_only}));
  return {};
}

void KeeperLink::Listen() {
  readable_ = loop_.WatchReadable(socket_.get(), [this] { Read(); });
  ended_ = loop_.WatchReadable(child_.pidfd.get(), [this] {
    while (TakeOne()) {
    }
    Lose("it ended");
  });
}

bool KeeperLink::Send(const KeeperMessage& message, std::vector<os::Descriptor> descriptors) {
  if (!ready_) return false;
  outbox_.push_back({Encode(message), std::move(descriptors)});
  if (!writable_) Flush();
  return true;
}

void KeeperLink::Protect(os::ProtectedFiles files) {
  settings_.files = std::move(files);
  Send(ProtectFiles{settings_.files.hidden, settings_.files.read_only});
}

void KeeperLink::Flush() {
  while (!outbox_.empty()) {
    std::vector<int> numbers;
    for (const os::Descriptor& descriptor : outbox_.front().descriptors)
      numbers.push_back(descriptor.get());
    os::Sent sent = os::Send(socket_.get(), outbox_.front().bytes, numbers);
    if (sent == os::Sent::kFull) {
      if (!writable_) writable_ = loop_.WatchWritable(socket_.get(), [this] { Flush(); });
      return;
    }
    // A closed socket is seen by the reader too, which acts on it.
    outbox_.pop_front();
  }
  writable_.reset();
}

void KeeperLink::Read() {
  for (int i = 0; i < kMaxMessagesPerRound && TakeOne(); ++i) {
  }
}

bool KeeperLink::TakeOne() {
  if (!socket_) return false;
  os::Message message;
  os::Received received = os::Receive(socket_.get(), message);
  if (received == os::Received::kNothing) return false;
  auto words = received == os::Received::kMessage ? Decode(message.bytes) : std::nullopt;
  if (!words) {
    Lose(received == os::Received::kClosed ? "it hung up" : "it does not speak our language");
    return false;
  }
  unanswered_ = 0;
  if (auto* ready = std::get_if<Ready>(&*words)) {
    namespaces_ = ready->namespaces;
    ready_ = true;
    listener_.OnReady(generation_);
  } else if (!std::holds_alternative<Pong>(*words)) {
    os::Descriptor descriptor;
    if (!message.descriptors.empty()) descriptor = std::move(message.descriptors.front());
    listener_.OnMessage(std::move(*words), std::move(descriptor));
  }
  return true;
}

void KeeperLink::Tick() {
  if (child_.pid <= 0) return;
  // Rounds, not time: a server that was itself stopped must not blame its keeper.
  if (unanswered_ >= kMaxUnanswered) {
    while (unanswered_ >= kMaxUnanswered && TakeOne()) {
    }
    if (child_.pid <= 0) return;
    bool slow_start = !ready_ && os::SystemClock().SteadyNow() - launched_ < kReadyLimit;
    if (unanswered_ >= kMaxUnanswered && !slow_start) return Lose("it did not answer for 5 s");
  }
  ++unanswered_;
  if (ready_) Send(Ping{});
}

void KeeperLink::Lose(const std::string& why) {
  if (child_.pid <= 0) return;
  os::SendSignal(child_.pidfd, SIGKILL);
  if (os::WaitEnded(child_.pidfd, kDeathLimit)) os::Reap(child_.pidfd);
  readable_.reset();
  writable_.reset();
  ended_.reset();
  outbox_.clear();
  child_ = {};
  socket_.Close();
  ready_ = false;
  bool good = os::SystemClock().SteadyNow() - launched_ >= kGoodLife;
  delay_ = good || delay_.count() == 0 ? milliseconds(1)
                                       : std::clamp(delay_ * 2, kFirstDelay, kLastDelay);
  again_ = loop_.After(delay_, [this] { LaunchAgain(); });
  listener_.OnLost(generation_, why);
}

void KeeperLink::LaunchAgain() {
  if (Launch()) return Listen();
  delay_ = std::clamp(delay_ * 2, kFirstDelay, kLastDelay);
  again_ = loop_.After(delay_, [this] { LaunchAgain(); });
}

}  // namespace forager::supervisor
