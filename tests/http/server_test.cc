#include "http/server.h"

#include <gtest/gtest.h>

#include <thread>

#include "http/gzip.h"
#include "tests/http/server_fixture.h"

namespace forager::http {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";

TEST_F(ServerTest, AnswersAndKeepsTheConnection) {
  Start();
  RawClient client(*server_);
  for (int i = 0; i < 3; ++i) {
    const auto answer = client.Ask(kGet);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->body, "GET /a");
    EXPECT_EQ(answer->Header("X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(answer->Header("X-Request-Id").size(), 16u);
    EXPECT_EQ(answer->Header("Date").size(), 29u);
    EXPECT_EQ(answer->Header("Connection"), "");
  }
  EXPECT_EQ(server_->figures().requests, 3u);
}

TEST_F(ServerTest, PipelinedRequestsAreAnsweredInOrderThoughAnsweredByOtherThreads) {
  Start();
  RawClient client(*server_);
  client.Send(
      "GET /hold HTTP/1.1\r\nHost: a\r\n\r\nPOST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: "
      "2\r\n\r\n"
      "hiGET /c HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /never HTTP/1.1\r\nHost: "
      "a\r\n\r\n");
  std::jthread other([reply = TakeHeld()] {
    Response response;
    response.body = "first";
    reply(std::move(response));
  });
  EXPECT_EQ(client.ReadResponse()->body, "first");
  EXPECT_EQ(client.ReadResponse()->body, "POST /echo\nhi");
  const auto last = client.ReadResponse();
  EXPECT_EQ(last->body, "GET /c");
  EXPECT_EQ(last->Header("Connection"), "close");
  EXPECT_EQ(client.ReadToEnd(), "");
}

TEST_F(ServerTest, AThousandPipelinedRequestsAreAllAnswered) {
  Start();
  RawClient client(*server_);
  std::string all;
  for (int i = 0; i < 1'000; ++i) {
    all += "GET /n" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n";
  }
  std::jthread writer([&] { client.Send(all); });
  for (int i = 0; i < 1'000; ++i) {
    const auto answer = client.ReadResponse();
    ASSERT_TRUE(answer) << i;
    ASSERT_EQ(answer->body, "GET /n" + std::to_string(i));
  }
}

TEST_F(ServerTest, Http10ClosesUnlessAskedNotTo) {
  Start();
  RawClient client(*server_);
  client.Send("GET /a HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(client.ReadToEnd().ends_with("\r\n\r\nGET /a"));
  RawClient keeping(*server_);
  const auto answer = keeping.Ask("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->Header("Connection"), "keep-alive");
  EXPECT_EQ(keeping.Ask("GET /b HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")->body, "GET /b");
}

TEST_F(ServerTest, HeadIsGetWithoutTheBody) {
  Start();
  RawClient client(*server_);
  client.Send("HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto head = client.ReadResponse(true);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->status, 200);
  EXPECT_EQ(head->Header("Content-Length"), "6");
  client.Send("HEAD /events HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.ReadResponse(true)->Header("Content-Type"), "text/event-stream");
  EXPECT_EQ(client.ReadToEnd(), "");
}

TEST_F(ServerTest, NoContentHasNoLength) {
  Start();
  RawClient client(*server_);
  const auto answer = client.Ask("DELETE /empty HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 204);
  EXPECT_EQ(answer->Header("Content-Length"), "");
  EXPECT_EQ(client.Ask(kGet)->body, "GET /a");
}

TEST_F(ServerTest, AClientThatHalfClosesStillGetsItsAnswer) {
  Start();
  RawClient client(*server_);
  client.Send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
  client.HalfClose();
  Response response;
  response.body = "late";
  TakeHeld()(std::move(response));
  EXPECT_EQ(client.ReadResponse()->body, "late");
  client.ReadToEnd();
  EXPECT_TRUE(client.at_end());
  EXPECT_FALSE(client.was_reset());
}

TEST_F(ServerTest, TheClientsRequestIdComesBackWhenItIsSane) {
  Start();
  RawClient client(*server_);
  EXPECT_EQ(client.Ask("GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: my-id.1\r\n\r\n")
                ->Header("X-Request-Id"),
            "my-id.1");
  EXPECT_EQ(client.Ask("GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: <b>\r\n\r\n")
                ->Header("X-Request-Id")
                .size(),
            16u);
  const auto refused = client.Ask("GET /%00 HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine\r\n\r\n");
  EXPECT_EQ(refused->status, 400);
  EXPECT_EQ(refused->Header("X-Request-Id"), "mine");
}

TEST_F(ServerTest, ADroppedReplyAndAThrowingHandlerAnswer500) {
  Start();
  RawClient client(*server_);
  for (const char* path : {"/drop", "/throw"}) {
    const auto answer = client.Ask(std::string("GET ") + path + " HTTP/1.1\r\nHost: a\r\n\r\n");
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 500);
    EXPECT_EQ(answer->Header("Content-Type"), "application/problem+json");
  }
  EXPECT_EQ(client.Ask(kGet)->status, 200);
}

TEST_F(ServerTest, OnlyTheFirstAnswerCounts) {
  Start();
  RawClient client(*server_);
  client.Send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
  const Reply reply = TakeHeld();
  Response first;
  first.body = "1";
  reply(first);
  EXPECT_EQ(client.ReadResponse()->body, "1");
  client.Send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
  const Reply second = TakeHeld();
  reply(first);
  Response other;
  other.body = "2";
  second(other);
  EXPECT_EQ(client.ReadResponse()->body, "2");
}

TEST_F(ServerTest, AReplyAfterTheClientOrTheServerIsGoneDoesNothing) {
  Start();
  {
    RawClient client(*server_);
    client.Send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
    TakeHeld()(Response{});
  }
  RawClient client(*server_);
  client.Send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
  const Reply late = TakeHeld();
  server_.reset();  // waits its five seconds for the answer
  late(Response{});
}

TEST_F(ServerTest, AHandlersHeadersCannotSpeakForOthers) {
  auto server = Server::Listen({.listen = "127.0.0.1:0"}, [](Request, Reply reply) {
    Response response;
    response.headers = {
        {"Location", "/x\r\nSet-Cookie: a=b"}, {"Content-Length", "999"}, {"a:b", "c"}};
    reply(std::move(response));
  });
  ASSERT_TRUE(server);
  RawClient client(**server);
  const auto answer = client.Ask(kGet);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->Header("Location"), "/xSet-Cookie: a=b");
  EXPECT_EQ(answer->Header("Set-Cookie"), "");
  EXPECT_EQ(answer->Header("Content-Length"), "0");
}

TEST_F(ServerTest, LocationsAreBelowTheBasePath) {
  auto server = Server::Listen({.listen = "127.0.0.1:0", .base_path = "/forager"},
                               [](Request request, Reply reply) {
                                 Response response;
                                 response.headers = {{"Location", request.path}};
                                 reply(std::move(response));
                               });
  ASSERT_TRUE(server);
  RawClient client(**server);
  EXPECT_EQ(client.Ask("GET /forager/x HTTP/1.1\r\nHost: a\r\n\r\n")->Header("Location"),
            "/forager/x");
  EXPECT_EQ(client.Ask("GET /y HTTP/1.1\r\nHost: a\r\n\r\n")->Header("Location"), "/forager/y");
}

TEST_F(ServerTest, LongAnswersAreCompressedForThoseWhoTakeIt) {
  Start();
  const auto ask = [&](const std::string& accept, const std::string& path = "/big") {
    RawClient client(*server_);
    return client.Ask("GET " + path + " HTTP/1.1\r\nHost: a\r\n" + accept + "\r\n").value();
  };
  const auto zipped = ask("Accept-Encoding: br;q=1, GZIP;q=0.5\r\n");
  EXPECT_EQ(zipped.Header("Content-Encoding"), "gzip");
  EXPECT_EQ(zipped.Header("Vary"), "Accept-Encoding");
  EXPECT_LT(zipped.body.size(), 2'000u);
  EXPECT_EQ(zipped.Header("Cache-Control"), "no-store");
  for (const char* accept :
       {"", "Accept-Encoding: gzip;q=0\r\n", "Accept-Encoding: identity\r\n",
        "Accept-Encoding: *;q=0\r\n", "Accept-Encoding: gzip;q=0.000, *\r\n"}) {
    const auto plain = ask(accept);
    EXPECT_EQ(plain.Header("Content-Encoding"), "") << accept;
    EXPECT_EQ(plain.Header("Vary"), "Accept-Encoding") << accept;
    EXPECT_EQ(plain.body.size(), 100'002u) << accept;
  }
  EXPECT_EQ(ask("Accept-Encoding: *\r\n").Header("Content-Encoding"), "gzip");
  EXPECT_EQ(ask("Accept-Encoding: gzip\r\n", "/small").Header("Content-Encoding"), "");
  const auto fetched = Fetch({.url = server_->url() + "/big"});
  ASSERT_TRUE(fetched) << fetched.error().detail;
  EXPECT_EQ(fetched->body.size(), 100'002u);
}

TEST_F(ServerTest, AnOccupiedPortIsSaidInWords) {
  Start();
  const auto second = Server::Listen({.listen = server_->url().substr(7)}, [](Request, Reply) {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().detail,
            "cannot listen on " + server_->url().substr(7) + ": Address already in use");
  for (const char* wrong :
       {"8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:70000", ":80", "::1:80", "a:-1"}) {
    EXPECT_EQ(Server::Listen({.listen = wrong}, [](Request, Reply) {}).error().code,
              ErrorCode::kInvalid)
        << wrong;
  }
}

TEST_F(ServerTest, StopAcceptingFinishesWhatRunsAndFreesThePort) {
  Start();
  RawClient busy(*server_);
  RawClient idle(*server_);
  EXPECT_EQ(idle.Ask(kGet)->status, 200);
  busy.Send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
  const Reply reply = TakeHeld();
  server_->StopAccepting();
  EXPECT_EQ(idle.ReadToEnd(), "");
  EXPECT_FALSE(RawClient(*server_).connected());
  Response response;
  response.body = "done";
  reply(std::move(response));
  const auto answer = busy.ReadResponse();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "done");
  EXPECT_EQ(answer->Header("Connection"), "close");
}

}  // namespace
}  // namespace forager::http
