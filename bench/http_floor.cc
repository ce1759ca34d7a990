// What the HTTP layer costs by itself: a server that answers every request from another thread, as
// the store does, with a job-sized body. Prints its URL; ends when its input ends.
#include <fmt/format.h>

#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "http/server.h"

int main() {
  using namespace forager;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<http::Reply> waiting;
  bool over = false;
  std::thread answerer([&] {
    const std::string body(600, ' ');
    for (;;) {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return over || !waiting.empty(); });
      if (over) return;
      const auto replies = std::exchange(waiting, {});
      lock.unlock();
      for (const http::Reply& reply : replies) {
        http::Response response;
        response.status = 201;
        response.body = body;
        reply(std::move(response));
      }
    }
  });
  http::ServerOptions options;
  options.listen = "127.0.0.1:0";
  auto server = http::Server::Listen(std::move(options), [&](http::Request, http::Reply reply) {
    const std::lock_guard lock(mutex);
    waiting.push_back(std::move(reply));
    changed.notify_one();
  });
  if (!server) {
    fmt::print(stderr, "{}\n", server.error().detail);
    return 1;
  }
  fmt::print("{}\n", (*server)->url());
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  server->reset();
  {
    const std::lock_guard lock(mutex);
    over = true;
  }
  changed.notify_one();
  answerer.join();
  return 0;
}
