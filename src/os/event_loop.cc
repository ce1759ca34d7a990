#include "os/event_loop.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cassert>
#include <cerrno>
#include <cstdint>
#include <map>
#include <mutex>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

#include "os/clock.h"
#include "os/descriptor.h"

namespace forager::os {
namespace {

using Task = std::function<void()>;
using Nanos = std::chrono::nanoseconds;

Descriptor Must(int fd, const char* what) {
  if (fd < 0) throw std::system_error(errno, std::generic_category(), what);
  return Descriptor(fd);
}

// The loop's state, shared with its tokens so that one may outlive the loop. A callback may end any
// token, its own too: callbacks are held by shared_ptr while they run, and looked up by id.
class Core {
 public:
  Core()
      : epoll_(Must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
        wake_(Must(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")),
        timer_(Must(timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK), "timerfd_create")) {
    sigemptyset(&signals_);
    Watch(wake_.get(), false, [this] { RunPosted(); });
    Watch(timer_.get(), false, [this] { RunTimers(); });
  }

  void Post(Task task) {
    bool first;
    {
      std::lock_guard lock(mutex_);
      first = posted_.empty();
      posted_.push_back(std::move(task));
    }
    std::uint64_t one = 1;
    if (first && write(wake_.get(), &one, sizeof one) < 0) assert(errno == EAGAIN);
  }

  std::uint64_t Watch(int fd, bool writable, Task ready) {
    Entry& entry = entries_[fd];
    Watcher& watcher = entry.side[writable];
    assert(!watcher.ready && "one watcher per descriptor and direction");
    bool fresh = !entry.side[!writable].ready;
    if (fresh) entry.generation = ++next_generation_;
    watcher = {++next_id_, std::make_shared<Task>(std::move(ready))};
    if (Update(fd, entry, fresh ? EPOLL_CTL_ADD : EPOLL_CTL_MOD) != 0) {
      int error = errno;
      watcher = {};
      if (fresh) entries_.erase(fd);
      throw std::system_error(error, std::generic_category(), "epoll_ctl");
    }
    return next_id_;
  }

  void Unwatch(int fd, bool writable, std::uint64_t id) {
    auto found = entries_.find(fd);
    if (found == entries_.end() || found->second.side[writable].id != id) return;
    Entry& entry = found->second;
    entry.side[writable] = {};
    if (entry.side[!writable].ready) {
      Update(fd, entry, EPOLL_CTL_MOD);
    } else {
      epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
      entries_.erase(found);
    }
  }

  std::uint64_t AddTimer(Nanos delay, Nanos interval, Task due) {
    Nanos at = BootTime() + delay;
    std::uint64_t id = ++next_id_;
    timers_.emplace(std::pair(at, id), Timer{interval, std::make_shared<Task>(std::move(due))});
    timer_times_.emplace(id, at);
    Arm();
    return id;
  }

  void RemoveTimer(std::uint64_t id) {
    auto found = timer_times_.find(id);
    if (found == timer_times_.end()) return;
    timers_.erase({found->second, id});
    timer_times_.erase(found);
  }

  std::uint64_t AddSignal(int signal, Task raised) {
    sigaddset(&signals_, signal);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    int fd = signalfd(signal_.get(), &signals_, SFD_CLOEXEC | SFD_NONBLOCK);
    if (!signal_) {
      signal_ = Must(fd, "signalfd");
      Watch(fd, false, [this] { ReadSignals(); });
    }
    std::uint64_t id = ++next_id_;
    signal_handlers_[signal].emplace(id, std::make_shared<Task>(std::move(raised)));
    return id;
  }

  void RemoveSignal(int signal, std::uint64_t id) { signal_handlers_[signal].erase(id); }

  void Run() {
    while (!std::exchange(stop_, false)) {
      std::array<epoll_event, 128> events;
      int count = epoll_wait(epoll_.get(), events.data(), events.size(), -1);
      if (count < 0 && errno != EINTR)
        throw std::system_error(errno, std::generic_category(), "epoll_wait");
      for (int i = 0; i < count && !stop_; ++i) Dispatch(events[i]);
    }
  }

  void Stop() { stop_ = true; }

 private:
  struct Watcher {
    std::uint64_t id = 0;
    std::shared_ptr<Task> ready;
  };
  struct Entry {
    std::uint32_t generation = 0;  // tells an event of a closed descriptor from its successor's
    Watcher side[2];               // readable, writable
  };
  struct Timer {
    Nanos interval;
    std::shared_ptr<Task> due;
  };

  int Update(int fd, const Entry& entry, int operation) {
    epoll_event event{};
    event.events = (entry.side[0].ready ? EPOLLIN : 0u) | (entry.side[1].ready ? EPOLLOUT : 0u);
    event.data.u64 = std::uint64_t{entry.generation} << 32 | static_cast<std::uint32_t>(fd);
    return epoll_ctl(epoll_.get(), operation, fd, &event);
  }

  void Dispatch(const epoll_event& event) {
    int fd = static_cast<int>(event.data.u64 & 0xffffffff);
    auto generation = static_cast<std::uint32_t>(event.data.u64 >> 32);
    for (bool writable : {false, true}) {
      std::uint32_t wanted = (writable ? EPOLLOUT : EPOLLIN) | EPOLLERR | EPOLLHUP;
      auto found = entries_.find(fd);
      if (found == entries_.end() || found->second.generation != generation) return;
      std::shared_ptr<Task> ready = found->second.side[writable].ready;
      if (ready && (event.events & wanted)) (*ready)();
    }
  }

  void RunPosted() {
    std::uint64_t ignored;
    while (read(wake_.get(), &ignored, sizeof ignored) < 0 && errno == EINTR) {
    }
    std::vector<Task> tasks;
    {
      std::lock_guard lock(mutex_);
      tasks.swap(posted_);
    }
    for (Task& task : tasks) task();
  }

  void RunTimers() {
    std::uint64_t ignored;
    while (read(timer_.get(), &ignored, sizeof ignored) < 0 && errno == EINTR) {
    }
    armed_ = Nanos::max();
    Nanos now = BootTime();
    while (!timers_.empty() && timers_.begin()->first.first <= now && !stop_) {
      auto node = timers_.extract(timers_.begin());
      std::uint64_t id = node.key().second;
      std::shared_ptr<Task> due = node.mapped().due;
      if (Nanos interval = node.mapped().interval; interval > Nanos::zero()) {
        // Missed rounds are skipped, and the next one is always after `now`: this loop ends.
        Nanos next = std::max(node.key().first + interval, now + Nanos(1));
        node.key().first = next;
        timer_times_[id] = next;
        timers_.insert(std::move(node));
      } else {
        timer_times_.erase(id);
      }
      (*due)();
    }
    Arm();
  }

  void Arm() {
    if (timers_.empty() || timers_.begin()->first.first >= armed_) return;
    armed_ = timers_.begin()->first.first;
    itimerspec spec{};
    spec.it_value.tv_sec = armed_.count() / 1'000'000'000;
    spec.it_value.tv_nsec = armed_.count() % 1'000'000'000;
    // The call itself, as in BootTime: both must speak of the same clock.
    syscall(SYS_timerfd_settime, timer_.get(), TFD_TIMER_ABSTIME, &spec, nullptr);
  }

  void ReadSignals() {
    signalfd_siginfo info;
    while (read(signal_.get(), &info, sizeof info) == sizeof info) {
      auto handlers = signal_handlers_[static_cast<int>(info.ssi_signo)];
      for (auto& [id, handler] : handlers) (*handler)();
    }
  }

  Descriptor epoll_, wake_, timer_, signal_;
  sigset_t signals_{};
  std::mutex mutex_;
  std::vector<Task> posted_;  // guarded by mutex_
  std::unordered_map<int, Entry> entries_;
  std::map<std::pair<Nanos, std::uint64_t>, Timer> timers_;
  std::unordered_map<std::uint64_t, Nanos> timer_times_;
  std::map<int, std::map<std::uint64_t, std::shared_ptr<Task>>> signal_handlers_;
  Nanos armed_ = Nanos::max();
  std::uint64_t next_id_ = 0;
  std::uint32_t next_generation_ = 0;
  bool stop_ = false;
};

class Registration final : public EventLoop::Handle {
 public:
  explicit Registration(Task end) : end_(std::move(end)) {}
  ~Registration() override { end_(); }

 private:
  Task end_;
};

class EpollLoop final : public EventLoop {
 public:
  void Post(Task task) override { core_->Post(std::move(task)); }

  Token WatchReadable(int fd, Task ready) override { return Watch(fd, false, std::move(ready)); }
  Token WatchWritable(int fd, Task ready) override { return Watch(fd, true, std::move(ready)); }

  Token After(std::chrono::milliseconds delay, Task due) override {
    return AddTimer(std::max(delay, {}), {}, std::move(due));
  }
  Token Every(std::chrono::milliseconds interval, Task due) override {
    Nanos period = std::max<Nanos>(interval, std::chrono::milliseconds(1));
    return AddTimer(period, period, std::move(due));
  }

  Token OnSignal(int signal, Task raised) override {
    std::uint64_t id = core_->AddSignal(signal, std::move(raised));
    return std::make_unique<Registration>(
        [core = core_, signal, id] { core->RemoveSignal(signal, id); });
  }

  void Run() override { core_->Run(); }
  void Stop() override { core_->Stop(); }

 private:
  Token Watch(int fd, bool writable, Task ready) {
    std::uint64_t id = core_->Watch(fd, writable, std::move(ready));
    return std::make_unique<Registration>(
        [core = core_, fd, writable, id] { core->Unwatch(fd, writable, id); });
  }
  Token AddTimer(Nanos delay, Nanos interval, Task due) {
    std::uint64_t id = core_->AddTimer(delay, interval, std::move(due));
    return std::make_unique<Registration>([core = core_, id] { core->RemoveTimer(id); });
  }

  // Shared with the tokens, which may outlive the loop; a callback that holds a token would make a
  // cycle only until it is run or ended.
  std::shared_ptr<Core> core_ = std::make_shared<Core>();
};

}  // namespace

std::unique_ptr<EventLoop> EventLoop::Make() { return std::make_unique<EpollLoop>(); }

}  // namespace forager::os
