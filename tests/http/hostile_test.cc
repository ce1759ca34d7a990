// Clients that mean harm, or behave as if: the server answers in one sentence or closes, and goes
// on serving the others.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <thread>

#include "tests/http/server_fixture.h"

namespace forager::http {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";

ServerOptions Quick() {
  ServerOptions options;
  options.read_timeout = 200ms;
  options.idle_timeout = 400ms;
  options.write_timeout = 300ms;
  return options;
}

std::string RandomRequest(std::mt19937_64& random) {
  static const std::vector<std::string> kSeeds = {
      "GET /a?b=c%20d HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n",
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
      "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
      "GET http://a/b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
      "HEAD / HTTP/1.0\r\nConnection: keep-alive\r\nExpect: 100-continue\r\n\r\n"};
  static const std::vector<std::string> kPieces = {"\r\n",
                                                   "\n",
                                                   "\r",
                                                   " ",
                                                   "\t",
                                                   ":",
                                                   "%",
                                                   "%00",
                                                   "%ff",
                                                   std::string(1, '\0'),
                                                   "\xff",
                                                   "0",
                                                   "-1",
                                                   "Content-Length: 7\r\n",
                                                   "Transfer-Encoding: chunked\r\n",
                                                   "HTTP/1.1",
                                                   "ffffffffffffffffff",
                                                   "Host: b\r\n",
                                                   "\r\n\r\n",
                                                   ";",
                                                   "#",
                                                   "?",
                                                   "//",
                                                   std::string(5'000, 'A')};
  std::string text = kSeeds[random() % kSeeds.size()];
  const int changes = 1 + static_cast<int>(random() % 4);
  for (int i = 0; i < changes && !text.empty(); ++i) {
    const std::size_t at = random() % text.size();
    switch (random() % 5) {
      case 0:
        text[at] = static_cast<char>(random());
        break;
      case 1:
        text.insert(at, kPieces[random() % kPieces.size()]);
        break;
      case 2:
        text.erase(at, 1 + random() % 8);
        break;
      case 3:
        text.resize(at);
        break;
      default:
        text += text.substr(at);
        break;
    }
  }
  return text;
}

TEST_F(ServerTest, ThousandsOfMutatedRequestsLeaveItServing) {
  Start(Quick());
  const char* given = std::getenv("FORAGER_TEST_SEED");
  const std::uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  std::printf("seed: %lu (FORAGER_TEST_SEED)\n", static_cast<unsigned long>(seed));
  std::mt19937_64 random(seed);
  for (int i = 0; i < 4'000; ++i) {
    const std::string bytes = RandomRequest(random);
    RawClient client(*server_);
    ASSERT_TRUE(client.connected());
    client.Send(bytes);
    client.HalfClose();  // whatever is missing will not come
    const std::string answers = client.ReadToEnd();
    ASSERT_TRUE(client.at_end()) << "no end after: " << bytes;
    ASSERT_TRUE(answers.empty() || answers.starts_with("HTTP/1.1 ")) << answers;
    ASSERT_EQ(answers.find("HTTP/1.1 500"), std::string::npos) << bytes;
  }
  ExpectAlive();
}

TEST_F(ServerTest, ARefusalIsOneProblemAndTheLastAnswer) {
  Start();
  RawClient client(*server_);
  client.Send("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto answer = client.ReadResponse();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 400);
  EXPECT_EQ(answer->Header("Content-Type"), "application/problem+json");
  EXPECT_EQ(answer->Header("Connection"), "close");
  EXPECT_NE(answer->body.find("\"detail\":\"The path of the request is not valid"),
            std::string::npos);
  EXPECT_EQ(client.ReadToEnd(), "");
}

TEST_F(ServerTest, ASlowHeadIsTold408AndSilenceIsClosed) {
  Start(Quick());
  RawClient slow(*server_);
  slow.Send("GET / HT");
  EXPECT_EQ(slow.ReadResponse()->status, 408);
  RawClient silent(*server_);
  EXPECT_EQ(silent.ReadToEnd(), "");
  EXPECT_TRUE(silent.at_end());
  RawClient kept(*server_);
  EXPECT_EQ(kept.Ask(kGet)->status, 200);
  EXPECT_EQ(kept.ReadToEnd(), "");
}

TEST_F(ServerTest, AHeadThatTricklesIsCutOffThoughEachByteComesInTime) {
  Start(Quick());
  RawClient client(*server_);
  client.Send("GET / HTTP/1.1\r\nHost: a\r\nX: ");
  const auto begin = std::chrono::steady_clock::now();
  // A byte each 20 ms, by waiting for an answer that long.
  while (!client.ReadMore(20ms) && !client.at_end()) {
    client.Send("x");
    ASSERT_LT(std::chrono::steady_clock::now() - begin, 5s);
  }
  EXPECT_EQ(client.ReadResponse()->status, 408);
}

TEST_F(ServerTest, ABodyThatTricklesIsCutOff) {
  Start(Quick());
  RawClient client(*server_);
  client.Send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
  const auto begin = std::chrono::steady_clock::now();
  while (!client.ReadMore(20ms) && !client.at_end()) {
    client.Send("x");
    ASSERT_LT(std::chrono::steady_clock::now() - begin, 5s);
  }
  EXPECT_EQ(client.ReadResponse()->status, 408);
}

TEST_F(ServerTest, AnAnswerNobodyReadsIsGivenUp) {
  auto server = Server::Listen(
      [] {
        ServerOptions options = Quick();
        options.listen = "127.0.0.1:0";
        return options;
      }(),
      [](Request, Reply reply) {
        Response response;
        response.body = std::string(32 * 1024 * 1024, 'x');
        reply(std::move(response));
      });
  ASSERT_TRUE(server);
  RawClient client(**server, 4'096);
  client.Send(kGet);
  // The server closes while most of it is unsent: seen as an end or a reset far before 32 MiB.
  pollfd gone{client.fd(), POLLRDHUP, 0};
  ASSERT_EQ(poll(&gone, 1, 20'000), 1);
  EXPECT_LT(client.ReadToEnd().size(), 31u * 1024 * 1024);
}

TEST_F(ServerTest, ABodyOverTheLimitIsAnsweredBeforeItIsRead) {
  ServerOptions options;
  options.max_body_bytes = 1'000;
  options.body_limit = [](std::string_view method, std::string_view path) -> std::size_t {
    return method == "POST" && path == "/bulk" ? 3'000'000 : 1'000;
  };
  Start(std::move(options));
  RawClient declared(*server_);
  const auto answer =
      declared.Ask("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 413);

  RawClient chunked(*server_);
  EXPECT_EQ(
      chunked.Ask("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n")
          ->status,
      413);

  RawClient allowed(*server_);
  allowed.Send("POST /bulk HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n");
  std::jthread writer([&] { allowed.Send(std::string(2'000'000, 'x')); });
  const auto echoed = allowed.ReadResponse();
  ASSERT_TRUE(echoed);
  EXPECT_EQ(echoed->body.size(), 2'000'000 + std::string("POST /bulk\n").size());
}

TEST_F(ServerTest, AClientThatSendsItAllFirstStillSeesThe413) {
  Start();
  RawClient client(*server_);
  const std::string body(20 * 1024 * 1024, 'x');
  EXPECT_TRUE(client.Send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: " +
                          std::to_string(body.size()) + "\r\n\r\n"));
  EXPECT_TRUE(client.Send(body));
  const auto answer = client.ReadResponse();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 413);
  EXPECT_EQ(client.ReadToEnd(), "");
  EXPECT_FALSE(client.was_reset());
}

TEST_F(ServerTest, AHeadOverTheLimitIsAnswered431) {
  Start();
  RawClient client(*server_);
  client.Send("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(100'000, 'x'));
  EXPECT_EQ(client.ReadResponse()->status, 431);
  EXPECT_EQ(client.ReadToEnd(), "");
  ExpectAlive();
}

TEST_F(ServerTest, ContinueIsSaidOnlyWhenTheBodyIsWanted) {
  Start();
  RawClient client(*server_);
  client.Send(
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  const auto go_on = client.ReadResponse();
  ASSERT_TRUE(go_on);
  EXPECT_EQ(go_on->status, 100);
  EXPECT_EQ(client.Ask("hi")->body, "POST /echo\nhi");
  const auto refused = client.Ask(
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\nExpect: 100-continue\r\n\r\n");
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 413);
}

TEST_F(ServerTest, ConnectionsOverTheLimitAreTold503) {
  ServerOptions options;
  options.max_connections = 3;
  Start(std::move(options));
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(std::make_unique<RawClient>(*server_));
    ASSERT_EQ(clients.back()->Ask(kGet)->status, 200);
  }
  for (int i = 0; i < 10; ++i) {
    RawClient over(*server_);
    const auto answer = over.Ask(kGet);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 503);
    EXPECT_EQ(answer->Header("Retry-After"), "1");
    EXPECT_EQ(over.ReadToEnd(), "");
  }
  EXPECT_EQ(server_->figures().refused, 10u);
  for (const auto& client : clients) EXPECT_EQ(client->Ask(kGet)->status, 200);
}

TEST_F(ServerTest, ConnectionsOfOneAddressOverItsLimitAreTold503) {
  ServerOptions options;
  options.max_connections_per_address = 2;
  Start(std::move(options));
  RawClient first(*server_);
  ASSERT_EQ(first.Ask(kGet)->status, 200);
  {
    RawClient second(*server_);
    ASSERT_EQ(second.Ask(kGet)->status, 200);
    RawClient over(*server_);
    const auto answer = over.Ask(kGet);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 503);
    EXPECT_EQ(answer->Header("Retry-After"), "1");
    EXPECT_NE(answer->body.find("from your address"), std::string::npos);
  }
  EXPECT_EQ(first.Ask(kGet)->status, 200);
  // A place that was given up is there again.
  const auto until = std::chrono::steady_clock::now() + RawClient::kPatience;
  bool served = false;
  while (!served && std::chrono::steady_clock::now() < until) {
    RawClient next(*server_);
    const auto answer = next.Ask(kGet);
    served = answer && answer->status == 200;
  }
  EXPECT_TRUE(served);
}

TEST_F(ServerTest, SilentStrangersMakeRoomForThoseWhoAsk) {
  ServerOptions options;
  options.max_connections = 3;
  Start(std::move(options));
  RawClient known(*server_);
  ASSERT_EQ(known.Ask(kGet)->status, 200);
  RawClient silent(*server_), slow(*server_);
  slow.Send("GET /a HT");
  RawClient one(*server_), two(*server_);
  for (RawClient* client : {&one, &two}) {
    const auto answer = client->Ask(kGet);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 200);
  }
  EXPECT_EQ(silent.ReadToEnd() + slow.ReadToEnd(), "");
  EXPECT_EQ(known.Ask(kGet)->status, 200);
  RawClient over(*server_);
  EXPECT_EQ(over.Ask(kGet)->status, 503) << "the others are known";
}

TEST_F(ServerTest, ATrustedProxyHasTheCommonLimitOnly) {
  ServerOptions options;
  options.max_connections_per_address = 1;
  options.trusted_proxies = {"127.0.0.1"};
  Start(std::move(options));
  RawClient first(*server_), second(*server_);
  EXPECT_EQ(first.Ask(kGet)->status, 200);
  EXPECT_EQ(second.Ask(kGet)->status, 200);
}

constexpr std::string_view kLongHead =
    "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n";

TEST_F(ServerTest, ABodyThatMayNotComeIsNotReadAndAnsweredAtOnce) {
  ServerOptions options;
  options.admit = [](Request head, Admission admission) {
    EXPECT_TRUE(head.body.empty());
    Response refusal;
    refusal.status = 401;
    refusal.body = head.method + " " + head.path;
    admission(std::move(refusal));
  };
  Start(std::move(options));
  for (std::string_view head :
       {kLongHead,
        std::string_view("POST /echo HTTP/1.1\r\nHost: a\r\n"
                         "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n")}) {
    RawClient client(*server_);
    const auto answer = client.Ask(head);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 401);
    EXPECT_EQ(answer->body, "POST /echo");
    EXPECT_EQ(client.ReadToEnd(), "") << "it was the last of the connection";
  }
  // Here with its head: there is nothing more to be read for it.
  RawClient small(*server_);
  EXPECT_EQ(small.Ask("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")->status,
            200);
}

TEST_F(ServerTest, ABodyMayBeAdmittedLater) {
  std::mutex mutex;
  std::vector<Admission> asked;
  ServerOptions options;
  options.admit = [&](Request, Admission admission) {
    const std::lock_guard lock(mutex);
    asked.push_back(std::move(admission));
    changed_.notify_all();
  };
  Start(std::move(options));
  RawClient client(*server_);
  client.Send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
  Admission admission;
  {
    std::unique_lock lock(mutex);
    ASSERT_TRUE(changed_.wait_for(lock, RawClient::kPatience, [&] { return !asked.empty(); }));
    admission = std::move(asked.front());
  }
  ExpectAlive();
  client.Send("llo");
  admission(std::nullopt);
  const auto answer = client.ReadResponse();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "POST /echo\nhello");
}

// Raises the limit on descriptors for a test and puts it back.
class DescriptorLimit {
 public:
  explicit DescriptorLimit(rlim_t wanted) {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit now = before_;
    now.rlim_cur = std::min(wanted, before_.rlim_max);
    setrlimit(RLIMIT_NOFILE, &now);
    enough_ = now.rlim_cur >= wanted;
  }
  ~DescriptorLimit() { setrlimit(RLIMIT_NOFILE, &before_); }
  bool enough() const { return enough_; }

 private:
  rlimit before_{};
  bool enough_ = false;
};

TEST_F(ServerTest, AThousandClientsAreServedAtOnce) {
  const DescriptorLimit limit(4'096);
  if (!limit.enough()) GTEST_SKIP() << "no room for 2,000 descriptors here";
  Start();
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 1'000; ++i) clients.push_back(std::make_unique<RawClient>(*server_));
  for (int round = 0; round < 3; ++round) {
    for (const auto& client : clients) ASSERT_TRUE(client->Send(kGet));
    for (const auto& client : clients) {
      const auto answer = client->ReadResponse();
      ASSERT_TRUE(answer);
      ASSERT_EQ(answer->status, 200);
    }
  }
  EXPECT_EQ(server_->figures().requests, 3'000u);
}

TEST_F(ServerTest, OutOfDescriptorsItRestsAndThenGoesOn) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the undefined behaviour sanitizer needs descriptors of its own";
#endif
  Start();
  ExpectAlive();
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  RawClient waiting(*server_);  // has its own descriptor before they run out
  EXPECT_EQ(waiting.Ask(kGet)->status, 200);
  std::vector<os::Descriptor> fillers;
  rlimit few = before;
  few.rlim_cur = 128;
  setrlimit(RLIMIT_NOFILE, &few);
  for (int fd = dup(0); fd >= 0; fd = dup(0)) fillers.emplace_back(fd);
  fillers.pop_back();  // one for the client below, none for the server
  rusage start{};
  getrusage(RUSAGE_SELF, &start);
  RawClient late(*server_);
  ASSERT_TRUE(late.connected());
  late.Send(kGet);
  EXPECT_FALSE(late.ReadMore(500ms));
  EXPECT_FALSE(late.at_end());
  rusage end{};
  getrusage(RUSAGE_SELF, &end);
  const auto spent = (end.ru_utime.tv_sec - start.ru_utime.tv_sec) * 1'000'000 +
                     end.ru_utime.tv_usec - start.ru_utime.tv_usec;
  EXPECT_LT(spent, 250'000) << "it spins";
  EXPECT_EQ(waiting.Ask(kGet)->status, 200);
  fillers.clear();
  EXPECT_EQ(late.ReadResponse()->status, 200);
  setrlimit(RLIMIT_NOFILE, &before);
}

}  // namespace
}  // namespace forager::http
