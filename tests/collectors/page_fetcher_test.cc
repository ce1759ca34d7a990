#include "collectors/page_fetcher.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include "collectors/answer_judge.h"
#include "tests/support/scripted_server.h"

namespace forager::collectors {
namespace {

using testing::Answer;
using testing::Raw;
using testing::Redirect;
using testing::ScriptedServer;

std::string Gzip(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

constexpr char kGzipHeaders[] = "Content-Type: text/html\r\nContent-Encoding: gzip\r\n";

class Fetching : public ::testing::Test {
 protected:
  Fetching() {
    options_.allow_private_hosts = {server_.Authority()};
    options_.limits.connect_timeout = Millis(2000);
    options_.limits.timeout = Millis(5000);
    options_.limits.tick = Millis(5);
  }

  std::expected<Page, FetchFailure> Fetch(const std::string& url) {
    const auto parsed = ParseUrl(url);
    EXPECT_TRUE(parsed) << url;
    return PageFetcher(options_).Fetch({.url = *parsed});
  }
  std::expected<Page, FetchFailure> Get(const std::string& target) {
    return Fetch(server_.Url(target));
  }
  // The failure there must be.
  FetchFailure Failure(const std::string& url) {
    auto page = Fetch(url);
    EXPECT_FALSE(page) << url;
    return page ? FetchFailure{} : page.error();
  }
  void Resolves(const std::string& host, const std::string& address) {
    names_[host] = *ParseAddress(address);
    options_.resolve = [this](const std::string& name, Millis,
                              const std::function<void()>&) -> LookupResult {
      if (const auto literal = ParseAddress(name)) return std::vector{*literal};
      if (!names_.contains(name))
        return std::unexpected(LookupFailure{false, "there is no host named " + name});
      return std::vector{names_[name]};
    };
  }

  ScriptedServer server_{{{"/", Answer(200, "<p>hello")}}};
  FetcherOptions options_;
  std::map<std::string, Address> names_;
};

TEST_F(Fetching, APageComesWithItsBodyAndKind) {
  const auto page = Get("/");
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_EQ(page->status, 200);
  EXPECT_EQ(page->body, "<p>hello");
  EXPECT_EQ(page->content_type, "text/html; charset=utf-8");
  EXPECT_EQ(page->url.text, server_.Url("/"));
}

TEST_F(Fetching, SaysHonestlyWhoAsks) {
  options_.user_agent = "forager/0.1 (+https://forager.example/contact)";
  ASSERT_TRUE(Get("/"));
  EXPECT_NE(
      server_.LastHead().find("User-Agent: forager/0.1 (+https://forager.example/contact)\r\n"),
      std::string::npos);
  EXPECT_NE(server_.LastHead().find("Accept-Encoding: deflate, gzip, br, zstd"), std::string::npos);
}

TEST_F(Fetching, TheProxyOfTheEnvironmentIsNotUsed) {
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
  EXPECT_TRUE(Get("/"));
  unsetenv("http_proxy");
  unsetenv("ALL_PROXY");
}

TEST_F(Fetching, RedirectsAreFollowed) {
  server_.Set("/a", Redirect(301, "b"));
  server_.Set("/b", Redirect(302, "/c?x=1"));
  server_.Set("/c?x=1", Redirect(307, server_.Url("/")));
  const auto page = Get("/a");
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_EQ(page->url.text, server_.Url("/"));
  EXPECT_EQ(page->body, "<p>hello");
}

TEST_F(Fetching, ARedirectLoopEnds) {
  server_.Set("/a", Redirect(302, "/b"));
  server_.Set("/b", Redirect(302, "/a"));
  const FetchFailure failure = Failure(server_.Url("/a"));
  EXPECT_EQ(failure.error_class, ErrorClass::kPermanent);
  EXPECT_TRUE(failure.too_many_redirects);
  EXPECT_EQ(failure.message,
            server_.Url("/a") + " was not fetched: it redirects more than 10 times");
  EXPECT_EQ(server_.Targets().size(), 11u);
}

TEST_F(Fetching, ARedirectToAnotherProtocolIsRefused) {
  for (const char* where :
       {"file:///etc/passwd", "gopher://127.0.0.1/x", "javascript:1", "ftp://x/"}) {
    server_.Set("/a", Redirect(302, where));
    EXPECT_EQ(Failure(server_.Url("/a")).error_class, ErrorClass::kPermanent) << where;
  }
}

TEST_F(Fetching, ACookieIsKeptOnTheWay) {
  server_.Set("/a", Answer(302, "", "Set-Cookie: seen=1\r\nLocation: /\r\n"));
  ASSERT_TRUE(Get("/a"));
  EXPECT_NE(server_.LastHead().find("Cookie: seen=1"), std::string::npos);
}

TEST_F(Fetching, CredentialsAreNeverSent) {
  server_.Set("/a", Redirect(302, "http://user:secret@" + server_.Authority() + "/"));
  ASSERT_TRUE(Get("/a"));
  EXPECT_EQ(server_.LastHead().find("Authorization"), std::string::npos);
}

TEST_F(Fetching, PrivateAddressesAreRefusedInWords) {
  const FetchFailure failure = Failure("http://10.0.0.1/");
  EXPECT_EQ(failure.error_class, ErrorClass::kPermanent);
  EXPECT_EQ(failure.message,
            "http://10.0.0.1/ was not fetched: 10.0.0.1 is a private address; add 10.0.0.1 to "
            "allow_private_hosts to "
            "permit it");
}

TEST_F(Fetching, EverySpellingOfALoopbackAddressIsRefused) {
  for (const char* host :
       {"127.0.0.1", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "0", "[::1]", "[::]",
        "[::ffff:127.0.0.1]", "[64:ff9b::127.0.0.1]", "[2002:7f00:1::]", "169.254.169.254"}) {
    const FetchFailure failure = Failure(std::string("http://") + host + "/");
    EXPECT_EQ(failure.error_class, ErrorClass::kPermanent) << host;
    EXPECT_NE(failure.message.find("allow_private_hosts"), std::string::npos) << failure.message;
  }
  EXPECT_TRUE(server_.Targets().empty());
}

TEST_F(Fetching, ANameThatLeadsToAPrivateAddressIsRefused) {
  Resolves("rebind.example", "127.0.0.1");
  const FetchFailure failure = Failure("http://rebind.example/");
  EXPECT_EQ(failure.error_class, ErrorClass::kPermanent);
  EXPECT_NE(failure.message.find("127.0.0.1 is a loopback address"), std::string::npos)
      << failure.message;
}

TEST_F(Fetching, ARedirectToAPrivateAddressIsRefused) {
  for (const char* where :
       {"http://10.1.2.3/", "http://169.254.169.254/latest/meta-data/", "//[::1]/", "http://0/"}) {
    server_.Set("/a", Redirect(302, where));
    const FetchFailure failure = Failure(server_.Url("/a"));
    EXPECT_EQ(failure.error_class, ErrorClass::kPermanent) << where;
    EXPECT_NE(failure.message.find("allow_private_hosts"), std::string::npos) << failure.message;
  }
}

TEST_F(Fetching, OtherPortsAreRefusedUnlessListed) {
  Resolves("site.example", "127.0.0.1");
  const std::string port = server_.Authority().substr(server_.Authority().find(':'));
  EXPECT_NE(Failure("http://site.example" + port + "/").message.find("is neither 80 nor 443"),
            std::string::npos);
  options_.allow_private_hosts = {"site.example"};
  EXPECT_NE(Failure("http://site.example" + port + "/").message.find("is neither 80 nor 443"),
            std::string::npos);
  options_.allow_private_hosts = {"Site.Example" + port};
  EXPECT_TRUE(Fetch("http://site.example" + port + "/"));
  EXPECT_NE(server_.LastHead().find("Host: site.example" + port), std::string::npos);
}

TEST_F(Fetching, WorksOverIpv6) {
  ScriptedServer six({{"/", Answer(200, "six")}}, true);
  options_.allow_private_hosts = {six.Authority()};
  const auto page = Fetch(six.Url("/"));
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_EQ(page->body, "six");
}

TEST_F(Fetching, AnUnknownNameIsFinalAndABusyResolverIsNot) {
  Resolves("known.example", "8.8.8.8");
  EXPECT_EQ(Failure("http://unknown.example/").error_class, ErrorClass::kPermanent);
  options_.resolve = [](const std::string&, Millis, const std::function<void()>&) -> LookupResult {
    return std::unexpected(LookupFailure{true, "try again"});
  };
  EXPECT_EQ(Failure("http://known.example/").error_class, ErrorClass::kTransient);
}

TEST_F(Fetching, ARefusedConnectionIsTransient) {
  options_.allow_private_hosts = {"127.0.0.1:1"};
  const FetchFailure failure = Failure("http://127.0.0.1:1/");
  EXPECT_EQ(failure.error_class, ErrorClass::kTransient);
  EXPECT_NE(failure.message.find("the connection failed"), std::string::npos) << failure.message;
}

TEST_F(Fetching, APageThatNeverAnswersEndsAtTheTimeout) {
  server_.Set("/never", [](ScriptedServer::Exchange& exchange) { exchange.Hang(); });
  options_.limits.timeout = Millis(100);
  int alive = 0;
  options_.alive = [&alive](std::int64_t bytes) {
    EXPECT_EQ(bytes, 0);
    ++alive;
  };
  const FetchFailure failure = Failure(server_.Url("/never"));
  EXPECT_EQ(failure.error_class, ErrorClass::kTransient);
  EXPECT_EQ(failure.message, server_.Url("/never") + " was not fetched: no answer within 100 ms");
  EXPECT_GT(alive, 3) << "the loop lives while nothing arrives";
}

TEST_F(Fetching, ASlowDripEndsEarly) {
  server_.Set("/drip", [](ScriptedServer::Exchange& exchange) {
    bool open = exchange.Send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    while (open) open = exchange.Send("x") && exchange.Pause(Millis(10));
  });
  options_.limits.low_speed_window = Millis(100);
  std::int64_t last = 0;
  options_.alive = [&last](std::int64_t bytes) {
    EXPECT_GE(bytes, last);
    last = bytes;
  };
  const FetchFailure failure = Failure(server_.Url("/drip"));
  EXPECT_EQ(failure.error_class, ErrorClass::kTransient);
  EXPECT_NE(failure.message.find("it came slower than 1024 bytes in 100 ms"), std::string::npos)
      << failure.message;
  EXPECT_GT(last, 0);
}

TEST_F(Fetching, AnEndlessBodyIsCutOff) {
  server_.Set("/endless", [](ScriptedServer::Exchange& exchange) {
    const std::string chunk = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
    bool open = exchange.Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    while (open) open = exchange.Send(chunk);
  });
  const FetchFailure failure = Failure(server_.Url("/endless"));
  EXPECT_EQ(failure.error_class, ErrorClass::kPermanent);
  EXPECT_EQ(failure.message,
            server_.Url("/endless") + " was not fetched: it is larger than 10240 KiB");
}

TEST_F(Fetching, ABodyMayBeCutWhereAskedFor) {
  server_.Set("/long", Answer(200, std::string(100'000, 'x')));
  FetchRequest request{.url = *ParseUrl(server_.Url("/long"))};
  request.cut_body = 1000;
  const auto page = PageFetcher(options_).Fetch(request);
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_EQ(page->body.size(), 1000u);
  EXPECT_TRUE(page->cut);
}

TEST_F(Fetching, CompressedPagesAreUnpacked) {
  server_.Set("/gz", Answer(200, Gzip("<p>packed"), kGzipHeaders));
  const auto page = Get("/gz");
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_EQ(page->body, "<p>packed");
}

TEST_F(Fetching, ADecompressionBombIsDefused) {
  server_.Set("/bomb", Answer(200, Gzip(std::string(4 << 20, '\0')), kGzipHeaders));
  const FetchFailure failure = Failure(server_.Url("/bomb"));
  EXPECT_EQ(failure.error_class, ErrorClass::kPermanent);
  EXPECT_NE(failure.message.find("decompression bomb"), std::string::npos) << failure.message;
}

TEST_F(Fetching, ALargePageThatCompressesWellIsNoBomb) {
  std::string rows;
  for (int i = 0; rows.size() < 2 << 20; ++i)
    rows += "<tr><td>" + std::to_string(i * 7919) + "</td></tr>\n";
  server_.Set("/rows", Answer(200, Gzip(rows), kGzipHeaders));
  const auto page = Get("/rows");
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_EQ(page->body.size(), rows.size());
}

TEST_F(Fetching, EndlessHeadersAreCutOff) {
  server_.Set("/headers", [](ScriptedServer::Exchange& exchange) {
    const std::string line = "X-More: " + std::string(8000, 'x') + "\r\n";
    bool open = exchange.Send("HTTP/1.1 200 OK\r\n");
    while (open) open = exchange.Send(line);
  });
  const FetchFailure failure = Failure(server_.Url("/headers"));
  EXPECT_EQ(failure.error_class, ErrorClass::kPermanent);
  EXPECT_NE(failure.message.find("headers are larger"), std::string::npos) << failure.message;
}

TEST_F(Fetching, BrokenAnswersAreTransient) {
  server_.Set("/nothing", Raw(""));
  server_.Set("/short", Raw("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc"));
  server_.Set("/half", Raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc"));
  for (const char* target : {"/nothing", "/short", "/half"}) {
    EXPECT_EQ(Failure(server_.Url(target)).error_class, ErrorClass::kTransient) << target;
  }
}

TEST_F(Fetching, WhatIsNotHttpIsFinal) {
  server_.Set("/ssh", Raw("SSH-2.0-OpenSSH_9.2\r\n"));
  EXPECT_EQ(Failure(server_.Url("/ssh")).error_class, ErrorClass::kPermanent);
  server_.Set("/junk", Answer(200, "not gzip at all", kGzipHeaders));
  EXPECT_EQ(Failure(server_.Url("/junk")).error_class, ErrorClass::kPermanent);
}

TEST_F(Fetching, APlainServerBehindHttpsIsAFailure) {
  options_.limits.connect_timeout = Millis(100);
  EXPECT_FALSE(Fetch("https://" + server_.Authority() + "/"));
}

TEST_F(Fetching, OneFetcherServesSeveralFetches) {
  PageFetcher fetcher(options_);
  for (int i = 0; i < 3; ++i) {
    const auto page = fetcher.Fetch({.url = *ParseUrl(server_.Url("/"))});
    ASSERT_TRUE(page) << page.error().message;
    EXPECT_EQ(page->body, "<p>hello");
  }
}

TEST_F(Fetching, TooManyRequestsCarriesItsWait) {
  server_.Set("/busy", Answer(429, "slow down", "Retry-After: 120\r\n"));
  const auto page = Get("/busy");
  ASSERT_TRUE(page);
  const auto failure = JudgeAnswer(*page);
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->error_class, ErrorClass::kTransient);
  EXPECT_EQ(failure->retry_after, Millis(120'000));
}

TEST(NameLookup, LiteralsNeedNobodyAndLocalhostIsKnown) {
  const auto nothing = [] {};
  EXPECT_EQ(LookUp("192.0.2.1", Millis(10), nothing)->front(), *ParseAddress("192.0.2.1"));
  const auto found = LookUp("localhost", Millis(5000), nothing);
  ASSERT_TRUE(found) << found.error().message;
  for (const Address& address : *found) EXPECT_EQ(WhyRefused(address), "a loopback address");
}

}  // namespace
}  // namespace forager::collectors
