// The server's end of the keeper: starts it, talks to it, notices when it dies or freezes, kills it
// then and starts the next. Knows nothing of attempts.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "job/error.h"
#include "os/child_process.h"
#include "os/clock.h"
#include "os/descriptor.h"
#include "os/event_loop.h"
#include "os/mount_view.h"
#include "supervisor/keeper_protocol.h"

namespace forager::supervisor {

class KeeperLink {
 public:
  struct Settings {
    std::string data_dir;
    std::string run_as;
    std::vector<std::string> argv;  // empty: this program's own keeper
    unsigned umask = 0022;          // of attempts
    os::ProtectedFiles files = {};
  };
  struct Listener {
    virtual ~Listener() = default;
    virtual void OnMessage(KeeperMessage message, os::Descriptor descriptor) = 0;
    // It is dead by now; the next one is on its way.
    virtual void OnLost(std::uint32_t generation, const std::string& why) = 0;
    virtual void OnReady(std::uint32_t generation) = 0;
  };

  KeeperLink(os::EventLoop& loop, Settings settings, Listener& listener)
      : loop_(loop), settings_(std::move(settings)), listener_(listener) {}
  ~KeeperLink();

  // The first keeper: waits until it is ready.
  Result<void> Start();
  // Descriptors are sent along and closed here. False: there is no keeper.
  bool Send(const KeeperMessage& message, std::vector<os::Descriptor> descriptors = {});
  // For attempts started from now on, by this keeper and the next.
  void Protect(os::ProtectedFiles files);
  // Once a second: asks whether it lives, and acts when it does not.
  void Tick();

  bool ready() const { return ready_; }
  bool namespaces() const { return namespaces_; }
  // Words are waiting for a keeper that does not read them.
  bool congested() const { return outbox_.size() > kCongested; }
  std::uint32_t generation() const { return generation_; }
  int pid() const { return ready_ ? child_.pid : 0; }

 private:
  struct Outgoing {
    std::string bytes;
    std::vector<os::Descriptor> descriptors;
  };
  static constexpr std::size_t kCongested = 256;

  Result<void> Launch();
  void Listen();
  void Read();
  bool TakeOne();  // false when there is no more
  void Flush();
  void Lose(const std::string& why);
  void LaunchAgain();

  os::EventLoop& loop_;
  Settings settings_;
  Listener& listener_;
  os::Child child_;
  os::Descriptor socket_;
  std::deque<Outgoing> outbox_;
  os::EventLoop::Token readable_, writable_, ended_, again_;
  std::uint32_t generation_ = 0;
  bool ready_ = false;
  bool namespaces_ = true;
  int unanswered_ = 0;  // pings
  os::Steady launched_{};
  std::chrono::milliseconds delay_{0};
};

}  // namespace forager::supervisor
