#include <fmt/format.h>

#include <csignal>
#include <cstdio>

#include "app/commands.h"
#include "app/server.h"
#include "os/log.h"
#include "os/sandbox.h"
#include "os/service_notice.h"
#include "os/signals.h"

namespace forager::app {

int Serve(const SettingSources& sources) {
  os::IgnoreStraySignals();
  auto settings = LoadSettings(sources);
  if (!settings) return Refuse(settings.error().detail);
  os::SetDumpable(false);  // its memory holds keys; attempts may be of the same user
  auto loop = os::EventLoop::Make();
  std::unique_ptr<Server> server;
  // Before the first thread: they inherit the blocked signals.
  auto stop = [&] {
    os::TellServiceManager("STOPPING=1");
    if (server) server->Stop([&] { loop->Stop(); });
  };
  auto term = loop->OnSignal(SIGTERM, stop);
  auto interrupt = loop->OnSignal(SIGINT, stop);
  auto hangup = loop->OnSignal(SIGHUP, [&] {
    if (!server) return;
    os::TellServiceManager(
        fmt::format("RELOADING=1\nMONOTONIC_USEC={}", os::BootTime().count() / 1'000));
    server->Reload();
    os::TellServiceManager("READY=1");
  });
  auto started = Server::Start(*loop, sources, std::move(*settings));
  if (!started) {
    os::FlushLog();
    return Complain(started.error().detail);
  }
  server = std::move(*started);
  fmt::print("forager listening on {}\n", server->url());
  fmt::print("log in at {} (good once, for 10 minutes)\n", server->login_url());
  std::fflush(stdout);
  os::TellServiceManager(fmt::format("READY=1\nSTATUS=Listening on {}", server->url()));
  os::EventLoop::Token watchdog;
  if (auto interval = os::WatchdogInterval())
    watchdog = loop->Every(*interval / 3, [] { os::TellServiceManager("WATCHDOG=1"); });
  loop->Run();
  watchdog.reset();
  server.reset();
  os::LogInfo("Stopped");
  os::FlushLog();
  return 0;
}

}  // namespace forager::app
