#include "collectors/url.h"

#include <gtest/gtest.h>

namespace forager::collectors {
namespace {

struct UrlCase {
  const char* in;
  const char* out;  // null: refused
};

TEST(Url, IsReadAsBrowsersReadIt) {
  const UrlCase cases[] = {
      {"http://example.com", "http://example.com/"},
      {"  HTTP://Example.COM:80/a/../b/./c#frag ", "http://example.com/b/c"},
      {"https://example.com:443/?q=1", "https://example.com/?q=1"},
      {"https://example.com:8443/", "https://example.com:8443/"},
      {"http://example.com/a b", "http://example.com/a%20b"},
      {"http://example.com/%7Euser/%c3%a9", "http://example.com/~user/%C3%A9"},
      {"http://example.com/caf\xc3\xa9?x={1}|2", "http://example.com/caf%C3%A9?x=%7B1%7D%7C2"},
      {"http://example.com/50%", "http://example.com/50%25"},
      {"http://b\xc3\xbc"
       "cher.example/",
       "http://xn--bcher-kva.example/"},
      {"http://example.com./", "http://example.com/"},
      {"http:\\\\example.com\\x", "http://example.com/x"},
      {"http://user:secret@example.com/", "http://example.com/"},
      {"http://127.1/", "http://127.0.0.1/"},
      {"http://0x7f000001/", "http://127.0.0.1/"},
      {"http://2130706433/", "http://127.0.0.1/"},
      {"http://0177.0.0.1/", "http://127.0.0.1/"},
      {"http://%31%32%37.0.0.1/", "http://127.0.0.1/"},
      {"http://\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1/", "http://127.0.0.1/"},
      {"http://[::1]/", "http://[::1]/"},
      {"http://[0:0::0:1]:8080/", "http://[::1]:8080/"},
      {"http://[fe80::1%25eth0]/", nullptr},
      {"ftp://example.com/", nullptr},
      {"javascript:alert(1)", nullptr},
      {"file:///etc/passwd", nullptr},
      {"//example.com/", nullptr},
      {"http://", nullptr},
      {"http:///x", nullptr},
      {"http://example.com:0/", nullptr},
      {"http://example.com:99999/", nullptr},
      {"http://example.com:8o/", nullptr},
      {"http://exa mple.com/", nullptr},
      {"http://1.2.3.4.5/", nullptr},
      {"", nullptr},
  };
  for (const UrlCase& one : cases) {
    const auto url = ParseUrl(one.in);
    EXPECT_EQ(url.has_value(), one.out != nullptr) << one.in << (url ? " became " + url->text : "");
    if (url && one.out != nullptr) {
      EXPECT_EQ(url->text, one.out) << one.in;
    }
  }
}

TEST(Url, KeepsAUserNameOutOfItsTextAndSaysSo) {
  EXPECT_TRUE(ParseUrl("http://user:secret@example.com/")->had_credentials);
  EXPECT_FALSE(ParseUrl("http://example.com/@user")->had_credentials);
}

TEST(Url, TooLongIsRefused) {
  EXPECT_FALSE(ParseUrl("http://example.com/" + std::string(9000, 'a')).has_value());
}

TEST(Url, LinksResolveAgainstTheirPage) {
  const auto base = ParseUrl("https://example.com/a/b?x=1");
  const UrlCase cases[] = {
      {"c", "https://example.com/a/c"},
      {"/c", "https://example.com/c"},
      {"../../../c", "https://example.com/c"},
      {"?y=2", "https://example.com/a/b?y=2"},
      {"#part", "https://example.com/a/b?x=1"},
      {"//other.example/d", "https://other.example/d"},
      {"http://user:pw@other.example:81/d e", "http://other.example:81/d%20e"},
      {"mailto:a@b.example", nullptr},
      {"file:///etc/passwd", nullptr},
      {"http://", nullptr},
  };
  for (const UrlCase& one : cases) {
    const auto url = ResolveUrl(*base, one.in);
    EXPECT_EQ(url.has_value(), one.out != nullptr) << one.in << (url ? " became " + url->text : "");
    if (url && one.out != nullptr) {
      EXPECT_EQ(url->text, one.out) << one.in;
    }
  }
}

TEST(Url, NormalFormHasNoTrackingParameters) {
  EXPECT_EQ(*NormaliseUrl("http://example.com/?utm_source=a&id=7&gclid=x&b"),
            "http://example.com/?id=7&b");
  EXPECT_EQ(*NormaliseUrl("http://example.com/p?fbclid=x"), "http://example.com/p");
  EXPECT_FALSE(NormaliseUrl("nonsense").has_value());
}

}  // namespace
}  // namespace forager::collectors
