// `forager demo`: a real server, a sample site, and jobs that are sabotaged in different ways;
// watched through the public API like any client would.
#include <fmt/color.h>
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "app/commands.h"
#include "app/demo_run.h"
#include "app/demo_site.h"
#include "app/server.h"
#include "collectors/url.h"
#include "os/log.h"
#include "os/signals.h"

namespace forager::app {
namespace {

// Pages of the sample site; /never takes the request and is silent for ever.
class SampleSite {
 public:
  Result<void> Start() {
    http::ServerOptions options;
    options.listen = "127.0.0.1:0";
    auto server =
        http::Server::Listen(std::move(options), [this](http::Request request, http::Reply reply) {
          if (request.path == "/never") {
            std::lock_guard lock(mutex_);
            silent_.push_back(std::move(reply));
            return;
          }
          auto page = DemoPage(request.path);
          http::Response response;
          response.status = page ? 200 : 404;
          response.content_type =
              request.path.ends_with(".txt") ? "text/plain" : "text/html; charset=utf-8";
          response.body = page.value_or("not found");
          reply(std::move(response));
        });
    if (!server) return std::unexpected(server.error());
    server_ = std::move(*server);
    return {};
  }
  std::string url() const { return server_->url(); }

 private:
  std::mutex mutex_;
  std::vector<http::Reply> silent_;
  std::unique_ptr<http::Server> server_;
};

// A directory that is gone when the demo ends.
struct TemporaryDir {
  TemporaryDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "forager-demo-XXXXXX").string();
    if (mkdtemp(pattern.data()) != nullptr) path = pattern;
  }
  ~TemporaryDir() {
    std::error_code error;
    if (!path.empty()) std::filesystem::remove_all(path, error);
  }
  std::string path;
};

SettingSources DemoSettings(SettingSources sources, const std::string& data_dir,
                            const std::string& site, bool sabotage) {
  auto suggest = [&](const std::string& name, const std::string& value) {
    sources.flags.try_emplace(name, value);
  };
  suggest("data_dir", data_dir);
  suggest("listen", "127.0.0.1:0");
  suggest("dispatch", "automatic");
  suggest("max_running", "6");
  suggest("self_test", "on");
  if (sabotage) {
    suggest("allow_private_hosts", site.substr(std::string("http://").size()));
    suggest("heartbeat_timeout", "2s");
    suggest("stall_timeout", "3s");
    suggest("grace", "1s");
    suggest("backoff", "1s");
    suggest("max_attempts", "2");
  }
  return sources;
}

}  // namespace

int Demo(const SettingSources& given, const DemoOptions& options) {
  os::IgnoreStraySignals();
  auto loop = os::EventLoop::Make();
  std::unique_ptr<Server> server;
  std::unique_ptr<DemoRun> run;
  bool finished = false;
  auto stop = [&] {
    if (run) run->Abandon();
    if (server) server->Stop([&] { loop->Stop(); });
  };
  auto term = loop->OnSignal(SIGTERM, stop);
  auto interrupt = loop->OnSignal(SIGINT, stop);

  if (!options.url.empty()) {
    if (auto url = collectors::ParseUrl(options.url); !url) return Refuse(url.error().detail);
  }
  TemporaryDir folder;
  SampleSite site;
  if (auto started = site.Start(); !started) return Refuse(started.error().detail);
  SettingSources sources = DemoSettings(given, folder.path, site.url(), options.url.empty());
  auto settings = LoadSettings(sources);
  if (!settings) return Refuse(settings.error().detail);
  auto started =
      Server::Start(*loop, sources, std::move(*settings), true);  // the terminal is the demo's
  if (!started) return Refuse(started.error().detail);
  server = std::move(*started);
  fmt::print("forager listening on {}\n", server->url());
  std::fflush(stdout);

  run = std::make_unique<DemoRun>(server->url(), server->admin_token(), site.url(), options);
  std::thread watcher([&] {
    bool ran = run->Watch();
    loop->Post([&, ran] {
      finished = ran;
      if (options.once || !ran) return stop();
      fmt::print("\nStill serving. Log in at {} (good once, for 10 minutes); Ctrl-C ends it.\n",
                 server->login_url());
      std::fflush(stdout);
    });
  });
  loop->Run();
  watcher.join();
  server.reset();
  os::FlushLog();
  return finished && (!options.once || run->AllAsExpected()) ? 0 : 1;
}

}  // namespace forager::app
