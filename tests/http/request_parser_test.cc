#include "http/request_parser.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace forager::http {
namespace {

constexpr std::size_t kMaxHead = 1024;

// Feeds `bytes` in pieces of `step`, as a connection would. Returns how many bytes were used.
std::size_t FeedAll(RequestParser& parser, std::string_view bytes, std::size_t step,
                    std::uint64_t body_limit = 1'000) {
  std::size_t used = 0;
  bool limited = false;
  for (std::size_t end = std::min(step, bytes.size());; end = std::min(end + step, bytes.size())) {
    for (;;) {
      const std::size_t taken = parser.Feed(bytes.substr(used, end - used));
      used += taken;
      if (parser.state() != RequestParser::State::kBody || limited) break;
      limited = true;
      if (!parser.LimitBody(body_limit)) return used;
    }
    const bool open = parser.state() == RequestParser::State::kHead ||
                      parser.state() == RequestParser::State::kBody;
    if (!open || end == bytes.size()) return used;
  }
}

struct Bad {
  const char* what;
  std::string bytes;
  int status = 400;
};

std::vector<Bad> BadRequests() {
  const std::string host = "Host: a\r\n";
  const std::string post = "POST / HTTP/1.1\r\n" + host;
  const std::string chunked = post + "Transfer-Encoding: chunked\r\n\r\n";
  return {
      {"no host", "GET / HTTP/1.1\r\n\r\n"},
      {"two hosts", "GET / HTTP/1.1\r\n" + host + "Host: b\r\n\r\n"},
      {"host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
      {"host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
      {"host with a user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"},
      {"bare line feeds", "GET / HTTP/1.1\nHost: a\n\n"},
      {"bare carriage return", "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n"},
      {"folded header", "GET / HTTP/1.1\r\n" + host + "X: a\r\n b\r\n\r\n"},
      {"folded with a tab", "GET / HTTP/1.1\r\n" + host + "X: a\r\n\tb\r\n\r\n"},
      {"space before the first header", "GET / HTTP/1.1\r\n X: a\r\n" + host + "\r\n"},
      {"space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n"},
      {"header without a colon", "GET / HTTP/1.1\r\n" + host + "nonsense\r\n\r\n"},
      {"header without a name", "GET / HTTP/1.1\r\n" + host + ": x\r\n\r\n"},
      {"NUL in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a" + std::string(1, '\0') + "b\r\n\r\n"},
      {"NUL in the target", "GET /" + std::string(1, '\0') + " HTTP/1.1\r\n" + host + "\r\n"},
      {"control byte in a value", "GET / HTTP/1.1\r\n" + host + "X: a\x01\r\n\r\n"},
      {"no target", "GET HTTP/1.1\r\n" + host + "\r\n"},
      {"two spaces", "GET  / HTTP/1.1\r\n" + host + "\r\n"},
      {"trailing space", "GET / HTTP/1.1 \r\n" + host + "\r\n", 505},
      {"HTTP/0.9", "GET /\r\n\r\n"},
      {"HTTP/2.0", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"HTTP/1.2", "GET / HTTP/1.2\r\n" + host + "\r\n", 505},
      {"lower case version", "GET / http/1.1\r\n" + host + "\r\n", 505},
      {"TLS hello", std::string("\x16\x03\x01\x02\x00\x01\x00", 7)},
      {"relative target", "GET jobs HTTP/1.1\r\n" + host + "\r\n"},
      {"authority target", "CONNECT a:443 HTTP/1.1\r\n" + host + "\r\n"},
      {"star for GET", "GET * HTTP/1.1\r\n" + host + "\r\n"},
      {"other scheme", "GET ftp://a/ HTTP/1.1\r\n" + host + "\r\n"},
      {"absolute without host", "GET http:///x HTTP/1.1\r\n" + host + "\r\n"},
      {"absolute with user", "GET http://u@a/x HTTP/1.1\r\n" + host + "\r\n"},
      {"fragment", "GET /a#b HTTP/1.1\r\n" + host + "\r\n"},
      {"cut escape", "GET /a%4 HTTP/1.1\r\n" + host + "\r\n"},
      {"lone percent", "GET /a% HTTP/1.1\r\n" + host + "\r\n"},
      {"wrong escape", "GET /a%zz HTTP/1.1\r\n" + host + "\r\n"},
      {"escaped NUL", "GET /a%00 HTTP/1.1\r\n" + host + "\r\n"},
      {"escaped NUL in the query", "GET /?a=%00 HTTP/1.1\r\n" + host + "\r\n"},
      {"bad UTF-8", "GET /%ff HTTP/1.1\r\n" + host + "\r\n"},
      {"overlong UTF-8", "GET /%c0%af HTTP/1.1\r\n" + host + "\r\n"},
      {"surrogate", "GET /?q=%ed%a0%80 HTTP/1.1\r\n" + host + "\r\n"},
      {"above Unicode", "GET /?q=%f4%90%80%80 HTTP/1.1\r\n" + host + "\r\n"},
      {"cut UTF-8", "GET /%e2%82 HTTP/1.1\r\n" + host + "\r\n"},
      {"raw bad UTF-8", "GET /\xff HTTP/1.1\r\n" + host + "\r\n"},
      {"two lengths", post + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"},
      {"same length twice", post + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"},
      {"length list", post + "Content-Length: 3, 3\r\n\r\nabc"},
      {"negative length", post + "Content-Length: -1\r\n\r\n"},
      {"signed length", post + "Content-Length: +1\r\n\r\na"},
      {"hex length", post + "Content-Length: 0x1\r\n\r\na"},
      {"empty length", post + "Content-Length:\r\n\r\n"},
      {"length past 64 bits", post + "Content-Length: 99999999999999999999999\r\n\r\n"},
      {"length and chunked", post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc"},
      {"chunked and length", post + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc"},
      {"chunked twice", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {"chunked in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"other coding", post + "Transfer-Encoding: gzip\r\n\r\n", 501},
      {"chunked, then other", post + "Transfer-Encoding: chunked, identity\r\n\r\n", 501},
      {"other, then chunked", post + "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
      {"vertical tab before chunked", post + "Transfer-Encoding: \x0b"
                                             "chunked\r\n\r\n"},
      {"other expectation", post + "Expect: tea\r\n\r\n", 417},
      {"chunk size not hex", chunked + "g\r\n"},
      {"chunk size missing", chunked + "\r\nabc\r\n"},
      {"chunk size negative", chunked + "-1\r\nabc\r\n"},
      {"chunk size 0x", chunked + "0x3\r\nabc\r\n0\r\n\r\n"},
      {"chunk size past 64 bits", chunked + "11111111111111111\r\n"},
      {"chunk longer than it says", chunked + "3\r\nabcd\r\n0\r\n\r\n"},
      {"chunk without CR", chunked + "3\nabc\r\n0\r\n\r\n"},
      {"endless chunk extension", chunked + "1;" + std::string(20'000, 'a')},
      {"endless trailer", chunked + "0\r\n" + std::string(20'000, 'a')},
      {"chunks past the limit", chunked + "3e8\r\n" + std::string(1'000, 'a') + "\r\n1\r\na\r\n",
       413},
      {"huge chunk", chunked + "ffffffffffffffff\r\n", 413},
      {"endless head", "GET / HTTP/1.1\r\n" + std::string(2 * kMaxHead, 'a'), 431},
      {"endless target", "GET /" + std::string(2 * kMaxHead, 'a'), 431},
      {"many headers",
       "GET / HTTP/1.1\r\n" + host +
           [] {
             std::string many;
             for (int i = 0; i < 1'000; ++i) many += "X: y\r\n";
             return many;
           }() +
           "\r\n",
       431},
      {"endless method", std::string(2 * kMaxHead, 'A'), 431},
      {"long method", std::string(40, 'A') + " / HTTP/1.1\r\n" + host + "\r\n", 501},
  };
}

TEST(RequestParser, ABasePathIsTakenOff) {
  auto path = [](const std::string& target, const char* base = "/a/b") {
    RequestParser parser(kMaxHead, base);
    FeedAll(parser, "GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n", 1'000);
    return parser.head().path;
  };
  EXPECT_EQ(path("/a/b/jobs?x=1"), "/jobs");
  EXPECT_EQ(path("/a/b"), "/");
  EXPECT_EQ(path("/a/b/"), "/");
  EXPECT_EQ(path("/jobs"), "/jobs") << "a proxy that takes it off itself";
  EXPECT_EQ(path("/a/bc"), "/a/bc");
  EXPECT_EQ(path("/a/b/a/b/x"), "/a/b/x") << "once";
  EXPECT_EQ(path("/a/b/jobs", ""), "/a/b/jobs");
}

TEST(RequestParser, BadRequestsAreRefusedHoweverTheyAreCut) {
  for (const Bad& bad : BadRequests()) {
    for (const std::size_t step : {bad.bytes.size(), std::size_t{1}, std::size_t{7}}) {
      RequestParser parser(kMaxHead);
      FeedAll(parser, bad.bytes, step);
      EXPECT_EQ(parser.state(), RequestParser::State::kRefused) << bad.what << ", step " << step;
      EXPECT_EQ(parser.refusal().status, bad.status)
          << bad.what << ", step " << step << ": " << parser.refusal().detail;
      EXPECT_FALSE(parser.refusal().detail.empty()) << bad.what;
    }
  }
}

TEST(RequestParser, AHeadAsLongAsAllowedPassesAndOneByteMoreDoesNot) {
  const std::string start = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
  const std::string fits = start + std::string(kMaxHead - start.size() - 4, 'x') + "\r\n\r\n";
  RequestParser parser(kMaxHead);
  FeedAll(parser, fits, fits.size());
  EXPECT_EQ(parser.state(), RequestParser::State::kComplete);
  RequestParser strict(kMaxHead - 1);
  FeedAll(strict, fits, fits.size());
  EXPECT_EQ(strict.refusal().status, 431);
}

TEST(RequestParser, APathAndAQueryAreDecoded) {
  RequestParser parser(kMaxHead);
  const std::string bytes =
      "GET /a%20b/%C3%A9/../c%2Fd//+?q=1+2%2B3&empty=&bare&&q=%F0%9F%94%B5 HTTP/1.1\r\nHost: "
      "a\r\n\r\n";
  FeedAll(parser, bytes, 3);
  ASSERT_EQ(parser.state(), RequestParser::State::kComplete) << parser.refusal().detail;
  EXPECT_EQ(parser.head().path, "/a b/é/../c/d//+");
  const std::vector<std::pair<std::string, std::string>> query{
      {"q", "1 2+3"}, {"empty", ""}, {"bare", ""}, {"q", "🔵"}};
  EXPECT_EQ(parser.head().query, query);
}

TEST(RequestParser, TheHostOfAnAbsoluteTargetCounts) {
  RequestParser parser(kMaxHead);
  const std::string bytes = "GET HTTP://real:80/x?y=1 HTTP/1.1\r\nHost: other\r\n\r\n";
  FeedAll(parser, bytes, bytes.size());
  ASSERT_EQ(parser.state(), RequestParser::State::kComplete) << parser.refusal().detail;
  EXPECT_EQ(parser.head().path, "/x");
  EXPECT_EQ(parser.head().Header("host"), "real:80");
  parser.Reset();
  const std::string bare = "GET http://real?y=1 HTTP/1.0\r\n\r\n";
  FeedAll(parser, bare, bare.size());
  EXPECT_EQ(parser.head().path, "/");
  EXPECT_EQ(parser.head().query.size(), 1u);
}

TEST(RequestParser, AChunkedBodyIsReadHoweverItIsCutAndItsTrailerIsIgnored) {
  const std::string bytes =
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n"
      "4;ext=\"1\"\r\nWiki\r\n5\r\npedia\r\n0\r\nHost: evil\r\nX: y\r\n\r\nGET /next";
  for (std::size_t step = 1; step <= bytes.size(); ++step) {
    RequestParser parser(kMaxHead);
    const std::size_t used = FeedAll(parser, bytes, step);
    ASSERT_EQ(parser.state(), RequestParser::State::kComplete) << step;
    EXPECT_EQ(parser.body(), "Wikipedia");
    EXPECT_EQ(bytes.substr(used), "GET /next");
    EXPECT_EQ(parser.head().Header("Host"), "a");
    EXPECT_EQ(parser.head().Header("X"), "");
  }
}

TEST(RequestParser, ABodyEndsWhereItsLengthSays) {
  const std::string bytes = "\r\nPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET";
  for (std::size_t step = 1; step <= bytes.size(); ++step) {
    RequestParser parser(kMaxHead);
    const std::size_t used = FeedAll(parser, bytes, step);
    ASSERT_EQ(parser.state(), RequestParser::State::kComplete) << step;
    EXPECT_EQ(parser.body(), "abc");
    EXPECT_EQ(bytes.substr(used), "GET");
  }
}

TEST(RequestParser, ABodyMayHaveAnyByte) {
  const std::string body("\0\n\n \r\n \xff", 8);
  const std::string bytes = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n" + body;
  for (std::size_t step = 1; step <= bytes.size(); ++step) {
    RequestParser parser(kMaxHead);
    FeedAll(parser, bytes, step);
    ASSERT_EQ(parser.state(), RequestParser::State::kComplete) << step;
    EXPECT_EQ(parser.body(), body);
  }
}

TEST(RequestParser, ALengthPastTheLimitIsKnownBeforeTheBody) {
  RequestParser parser(kMaxHead);
  const std::string bytes = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n";
  FeedAll(parser, bytes, bytes.size());
  EXPECT_EQ(parser.state(), RequestParser::State::kBody);
  EXPECT_FALSE(parser.LimitBody(1'000));
  EXPECT_TRUE(parser.LimitBody(1'001));
}

TEST(RequestParser, TheConnectionStaysAsVersionAndHeaderSay) {
  const auto keeps = [](const std::string& start, const std::string& header) {
    RequestParser parser(kMaxHead);
    const std::string bytes = start + "\r\nHost: a\r\n" + header + "\r\n";
    FeedAll(parser, bytes, bytes.size());
    EXPECT_EQ(parser.state(), RequestParser::State::kComplete) << bytes;
    return parser.head().keep_alive;
  };
  EXPECT_TRUE(keeps("GET / HTTP/1.1", ""));
  EXPECT_FALSE(keeps("GET / HTTP/1.0", ""));
  EXPECT_FALSE(keeps("GET / HTTP/1.1", "Connection: Upgrade, CLOSE\r\n"));
  EXPECT_TRUE(keeps("GET / HTTP/1.0", "Connection: Keep-Alive\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.0", "Connection: keep-alive\r\nConnection: close\r\n"));
  EXPECT_TRUE(keeps("GET / HTTP/1.1", "Upgrade: h2c\r\nConnection: upgrade\r\n"));
}

TEST(RequestHead, RequestIdsAreSaneOrNotUsed) {
  EXPECT_TRUE(IsSaneRequestId("aZ09._-"));
  EXPECT_TRUE(IsSaneRequestId(std::string(64, 'a')));
  EXPECT_FALSE(IsSaneRequestId(std::string(65, 'a')));
  EXPECT_FALSE(IsSaneRequestId(""));
  EXPECT_FALSE(IsSaneRequestId("a b"));
  EXPECT_FALSE(IsSaneRequestId("a\"b"));
}

}  // namespace
}  // namespace forager::http
