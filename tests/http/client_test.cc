#include "http/client.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/http/server_fixture.h"

namespace forager::http {
namespace {

TEST_F(ServerTest, TheClientSendsAndReadsAllMethods) {
  Start();
  const auto ask = [&](const std::string& method, const std::string& body = "") {
    ClientRequest request;
    request.method = method;
    request.url = server_->url() + "/x/../y?q=" + PercentEncode("a b&c=é/+");
    request.body = body;
    return Fetch(request).value();
  };
  EXPECT_EQ(ask("GET").body, "GET /x/../y|q=a b&c=é/+");
  EXPECT_EQ(ask("POST").body, "POST /x/../y|q=a b&c=é/+");
  EXPECT_EQ(ask("POST", "hi").body, "POST /x/../y|q=a b&c=é/+\nhi");
  EXPECT_EQ(ask("DELETE").body, "DELETE /x/../y|q=a b&c=é/+");
  EXPECT_EQ(ask("HEAD").body, "");
  EXPECT_EQ(ask("GET").Header("content-type"), "text/plain");
}

TEST_F(ServerTest, TheClientReadsAStreamPieceByPieceUntilItHasEnough) {
  Start();
  std::string seen;
  std::jthread writer([&] {
    const auto stream = TakeStream();
    while (stream->Send("data: x\n\n")) std::this_thread::yield();
  });
  ClientRequest request;
  request.url = server_->url() + "/events";
  request.timeout = std::chrono::milliseconds(0);
  request.on_piece = [&](std::string_view piece) {
    seen += piece;
    return seen.size() < 27;
  };
  const auto answer = Fetch(request);
  ASSERT_TRUE(answer) << answer.error().detail;
  EXPECT_EQ(answer->status, 200);
  EXPECT_TRUE(seen.starts_with("data: x\n\n"));
}

TEST_F(ServerTest, TheClientSaysWhatWentWrong) {
  Start();
  const std::string url = server_->url();
  const auto held = Fetch({.url = url + "/hold", .timeout = std::chrono::milliseconds(100)});
  ASSERT_FALSE(held);
  EXPECT_EQ(held.error().detail, url + " did not answer within 0.1 s");
  const auto large = Fetch({.url = url + "/big", .max_body_bytes = 1'000});
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, ErrorCode::kTooLarge);
  TakeHeld();
  server_.reset();
  const auto gone = Fetch({.url = url + "/a"});
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().detail,
            "cannot reach " + url + ": connection refused; is the server running?");
  const auto wrong = Fetch({.url = "file:///etc/passwd"});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, ErrorCode::kInvalid);
  EXPECT_FALSE(Fetch({.url = url, .headers = {{"A", "b\r\nC: d"}}}));
}

}  // namespace
}  // namespace forager::http
