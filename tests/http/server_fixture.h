// A real server on a free port whose handler answers a few fixed paths.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "http/server.h"
#include "tests/http/raw_client.h"

namespace forager::http {

class ServerTest : public testing::Test {
 protected:
  void Start(ServerOptions options = {}) {
    options.listen = "127.0.0.1:0";
    auto server = Server::Listen(std::move(options), [this](Request request, Reply reply) {
      Handle(std::move(request), std::move(reply));
    });
    ASSERT_TRUE(server) << server.error().detail;
    server_ = std::move(*server);
  }

  void TearDown() override {
    {
      const std::lock_guard lock(mutex_);
      held_.clear();
      streams_.clear();
    }
    server_.reset();
  }

  // /echo: method, path, query and body. /hold: answered by the test. /drop: never. /big: 100 KB of
  // text. /events: a stream, given to the test. /throw.
  void Handle(Request request, Reply reply) {
    if (request.path == "/hold") {
      const std::lock_guard lock(mutex_);
      held_.push_back(std::move(reply));
      changed_.notify_all();
    } else if (request.path == "/drop") {
      return;
    } else if (request.path == "/throw") {
      throw std::runtime_error("as the test wants");
    } else if (request.path == "/events") {
      Response response;
      response.stream = [this](std::shared_ptr<EventStream> stream) {
        const std::lock_guard lock(mutex_);
        streams_.push_back(std::move(stream));
        changed_.notify_all();
      };
      reply(std::move(response));
    } else if (request.path == "/big") {
      Response response;
      response.body = "[" + std::string(100'000, ' ') + "]";
      reply(std::move(response));
    } else if (request.path == "/empty") {
      Response response;
      response.status = 204;
      reply(std::move(response));
    } else {
      Response response;
      response.content_type = "text/plain";
      response.body = request.method + " " + request.path;
      for (const auto& [name, value] : request.query) response.body += "|" + name + "=" + value;
      if (!request.body.empty()) response.body += "\n" + request.body;
      reply(std::move(response));
    }
  }

  Reply TakeHeld() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, RawClient::kPatience, [this] { return !held_.empty(); }));
    if (held_.empty()) return [](Response) {};
    Reply reply = std::move(held_.front());
    held_.erase(held_.begin());
    return reply;
  }

  std::shared_ptr<EventStream> TakeStream() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(
        changed_.wait_for(lock, RawClient::kPatience, [this] { return !streams_.empty(); }));
    if (streams_.empty()) return nullptr;
    auto stream = std::move(streams_.front());
    streams_.erase(streams_.begin());
    return stream;
  }

  // The server still serves: asked after each hostile act.
  void ExpectAlive() {
    RawClient client(*server_);
    const auto answer = client.Ask("GET /alive HTTP/1.1\r\nHost: a\r\n\r\n");
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->body, "GET /alive");
  }

  std::unique_ptr<Server> server_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Reply> held_;
  std::vector<std::shared_ptr<EventStream>> streams_;
};

}  // namespace forager::http
