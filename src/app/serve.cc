#include <fmt/format.h>

#include <csignal>
#include <cstdio>

#include "app/commands.h"
#include "app/server.h"
#include "os/log.h"

namespace forager::app {

int Serve(const SettingSources& sources) {
  auto settings = LoadSettings(sources);
  if (!settings) return Refuse(settings.error().detail);
  auto loop = os::EventLoop::Make();
  std::unique_ptr<Server> server;
  // Before the first thread: they inherit the blocked signals.
  auto stop = [&] {
    if (server) server->Stop([&] { loop->Stop(); });
  };
  auto term = loop->OnSignal(SIGTERM, stop);
  auto interrupt = loop->OnSignal(SIGINT, stop);
  auto hangup = loop->OnSignal(SIGHUP, [&] {
    if (server) server->Reload();
  });
  auto pipe = loop->OnSignal(SIGPIPE, [] {});
  auto started = Server::Start(*loop, sources, std::move(*settings));
  if (!started) {
    os::FlushLog();
    std::fprintf(stderr, "forager: %s\n", started.error().detail.c_str());
    return 1;
  }
  server = std::move(*started);
  fmt::print("forager listening on {}\n", server->url());
  fmt::print("log in at {} (good once, for 10 minutes)\n", server->login_url());
  std::fflush(stdout);
  loop->Run();
  server.reset();
  os::LogInfo("Stopped");
  os::FlushLog();
  return 0;
}

}  // namespace forager::app
