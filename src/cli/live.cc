#include "cli/live.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <csignal>

#include "os/signal_reader.h"

namespace forager::cli {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTick{100};
constexpr milliseconds kReconnect{1'000};
constexpr milliseconds kGiveUp{60'000};

class Loop {
 public:
  Loop(Client& client, const LiveOptions& options, const std::function<bool()>& look)
      : client_(client),
        options_(options),
        look_(look),
        signals_(options.on_keys ? std::initializer_list<int>{SIGINT, SIGTERM, SIGHUP, SIGQUIT,
                                                              SIGTSTP, SIGWINCH}
                                 : std::initializer_list<int>{SIGINT, SIGTERM, SIGHUP}),
        started_(Now()) {}

  LiveEnd Run() {
    client_.server.attend = [this](http::ClientRequest& request) { Attend(request); };
    while (!over_) {
      http::ClientRequest events = client_.server.Request(
          "GET", Query().Add("types", options_.types).Add("job_id", options_.job_id).On("/events"));
      Attend(events);
      events.timeout = milliseconds(0);
      events.on_piece = [this](std::string_view piece) {
        changed_ |= !piece.starts_with(": keep-alive");
        return true;
      };
      events.tick = [this] { return Tick(); };
      events.tick_interval = kTick;
      http::Fetch(events);
      client_.server.FindAgain();
      // Refused or gone: look without events for a moment, then ask for them again.
      for (milliseconds left = kReconnect; !over_ && left.count() > 0; left -= kTick) Pause(kTick);
    }
    client_.server.attend = nullptr;
    return end_;
  }

 private:
  static os::Steady Now() { return os::SystemClock().SteadyNow(); }

  void Attend(http::ClientRequest& request) {
    request.attention.push_back({signals_.fd(), [this] { return ReadSignals(); }});
    if (options_.on_keys)
      request.attention.push_back({STDIN_FILENO, [this] { return ReadKeys(); }});
  }

  bool Tick() {
    os::Steady now = Now();
    milliseconds since =
        looked_ ? std::chrono::duration_cast<milliseconds>(now - *looked_) : options_.interval;
    if (since >= options_.interval || (changed_ && since >= options_.least)) {
      changed_ = false;
      looked_ = now;
      over_ |= !look_();
    }
    if (!over_ && options_.limit && now - started_ >= *options_.limit) {
      end_.in_time = false;
      over_ = true;
    }
    return !over_;
  }

  void Pause(milliseconds time) {
    if (!Tick()) return;
    pollfd fds[] = {{signals_.fd(), POLLIN, 0}, {options_.on_keys ? STDIN_FILENO : -1, POLLIN, 0}};
    poll(fds, std::size(fds), static_cast<int>(time.count()));
    if (fds[0].revents != 0) ReadSignals();
    if (fds[1].revents != 0) ReadKeys();
  }

  bool ReadSignals() {
    while (int signal = signals_.Next()) {
      if (signal == SIGWINCH) {
        if (options_.on_resize) options_.on_resize();
      } else if (signal == SIGTSTP) {
        if (options_.on_stop) options_.on_stop(true);
        os::StopSelf();
        if (options_.on_stop) options_.on_stop(false);
      } else {
        end_.signal = signal;
        over_ = true;
      }
    }
    return !over_;
  }

  bool ReadKeys() {
    char keys[64];
    ssize_t got = read(STDIN_FILENO, keys, sizeof keys);
    // A terminal that is gone is as good as its hang-up.
    over_ |= got <= 0 || !options_.on_keys({keys, static_cast<std::size_t>(got)});
    return !over_;
  }

  Client& client_;
  const LiveOptions& options_;
  const std::function<bool()>& look_;
  os::SignalReader signals_;
  os::Steady started_;
  std::optional<os::Steady> looked_;
  bool changed_ = false, over_ = false;
  LiveEnd end_;
};

}  // namespace

LiveEnd WatchLive(Client& client, const LiveOptions& options, const std::function<bool()>& look) {
  return Loop(client, options, look).Run();
}

bool Patience::Bears(const Error& error) {
  if (error.code != ErrorCode::kUnavailable && error.code != ErrorCode::kInternal) return false;
  os::Steady now = os::SystemClock().SteadyNow();
  if (!since_) since_ = now;
  return now - *since_ < kGiveUp;
}

}  // namespace forager::cli
