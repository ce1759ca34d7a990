#include <gtest/gtest.h>

#include <thread>

#include "tests/http/server_fixture.h"

namespace forager::http {
namespace {

constexpr std::string_view kSubscribe = "GET /events HTTP/1.1\r\nHost: a\r\n\r\n";

bool ReadUntil(RawClient& client, std::string_view text) {
  while (client.buffer().find(text) == std::string::npos) {
    if (!client.ReadMore()) return false;
  }
  return true;
}

TEST_F(ServerTest, EventsOfManyThreadsArriveWholeAndEndWithTheStream) {
  Start();
  RawClient client(*server_);
  client.Send(kSubscribe);
  EXPECT_EQ(client.ReadResponse()->Header("Content-Type"), "text/event-stream");
  auto stream = TakeStream();
  {
    std::vector<std::jthread> writers;
    for (int t = 0; t < 4; ++t) {
      writers.emplace_back([&stream, t] {
        for (int i = 0; i < 500; ++i) {
          EXPECT_TRUE(stream->Send("data: " + std::to_string(t) + "\n\n"));
        }
      });
    }
  }
  EXPECT_FALSE(stream->Closed());
  stream.reset();  // the handler is done
  const std::string all = client.ReadToEnd();
  EXPECT_EQ(all.size(), 2'000 * std::string_view("data: 0\n\n").size());
  for (std::size_t at = 0; at + 9 <= all.size(); at += 9) {
    ASSERT_EQ(all.substr(at, 6), "data: ");
    ASSERT_EQ(all.substr(at + 7, 2), "\n\n");
  }
}

TEST_F(ServerTest, AReaderTooSlowIsCutOffAndTheOthersAreNot) {
  Start();
  RawClient slow(*server_, 4'096);
  slow.Send(kSubscribe);
  auto slow_stream = TakeStream();
  RawClient quick(*server_);
  quick.Send(kSubscribe);
  auto quick_stream = TakeStream();
  const std::string event = "data: " + std::string(10'000, 'x') + "\n\n";
  int sent = 0;
  while (slow_stream->Send(event)) ASSERT_LT(++sent, 10'000);
  EXPECT_TRUE(slow_stream->Closed());
  EXPECT_FALSE(slow_stream->Send("more"));
  EXPECT_TRUE(quick_stream->Send("data: still here\n\n"));
  EXPECT_TRUE(ReadUntil(quick, "data: still here"));
  slow.ReadToEnd();
  EXPECT_TRUE(slow.at_end());
}

TEST_F(ServerTest, AStreamKnowsThatItsClientWentAway) {
  Start();
  auto client = std::make_unique<RawClient>(*server_);
  client->Send(kSubscribe);
  const auto stream = TakeStream();
  EXPECT_TRUE(stream->Send(": hello\n\n"));
  EXPECT_TRUE(ReadUntil(*client, ": hello"));
  client.reset();
  const auto give_up = std::chrono::steady_clock::now() + RawClient::kPatience;
  while (!stream->Closed()) {
    ASSERT_LT(std::chrono::steady_clock::now(), give_up);
    std::this_thread::yield();
  }
  EXPECT_FALSE(stream->Send("x"));
}

TEST_F(ServerTest, AStreamOutlivesItsServerWithoutHarm) {
  Start();
  RawClient client(*server_);
  client.Send(kSubscribe);
  const auto stream = TakeStream();
  EXPECT_TRUE(stream->Send("data: last\n\n"));
  std::jthread reader([&] { client.ReadToEnd(); });
  server_.reset();
  EXPECT_TRUE(stream->Closed());
  EXPECT_FALSE(stream->Send("x"));
  reader.join();
  EXPECT_NE(client.buffer().find("data: last"), std::string::npos);
}

TEST_F(ServerTest, AStreamsClientThatTalksTooMuchIsClosed) {
  Start();
  RawClient client(*server_);
  client.Send(kSubscribe);
  const auto stream = TakeStream();
  client.Send(std::string(200'000, 'x'));
  client.ReadToEnd();
  EXPECT_TRUE(client.at_end());
}

}  // namespace
}  // namespace forager::http
