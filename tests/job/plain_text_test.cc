#include "job/plain_text.h"

#include <gtest/gtest.h>

namespace forager {
namespace {

TEST(PlainTextTest, ByteOrderMarks) {
  EXPECT_EQ(*PlainText("\xEF\xBB\xBF[]", "f"), "[]");
  EXPECT_EQ(*PlainText("[]\xEF\xBB\xBF", "f"), "[]\xEF\xBB\xBF");
  for (std::string wide : {std::string("\xFF\xFE[\0", 4), std::string("\xFE\xFF\0[", 4),
                           std::string("\0\0\xFE\xFF", 4)}) {
    auto text = PlainText(wide, "jobs.json");
    ASSERT_FALSE(text);
    EXPECT_EQ(text.error().detail, "jobs.json is UTF-16 or UTF-32 text: save it as UTF-8");
  }
}

TEST(PlainTextTest, AValueAlone) {
  EXPECT_EQ(OneValue("fgr_x\n"), "fgr_x");
  EXPECT_EQ(OneValue("\xEF\xBB\xBF"
                     "fgr_x\r\n\n"),
            "fgr_x");
  EXPECT_EQ(OneValue("\r\n"), "");
  EXPECT_EQ(OneValue(" a b "), " a b ");
}

TEST(PlainTextTest, PasswordsOfUrls) {
  EXPECT_EQ(WithoutSecrets("smtp://me:passw0rd@mail.example:587"),
            "smtp://me:...@mail.example:587");
  EXPECT_EQ(WithoutSecrets("smtp://me:p@ss/w0rd@mail.example"), "smtp://me:...@mail.example");
  EXPECT_EQ(WithoutSecrets("smtp://me:pa/ss@mail.example"), "smtp://me:...@mail.example");
  EXPECT_EQ(WithoutSecrets("postgres://me:x@one,two/db?password=y&sslpassword=z"),
            "postgres://me:...@one,two/db?password=...&sslpassword=...");
  EXPECT_EQ(WithoutSecrets("postgres://me@one/db"), "postgres://me@one/db");
  EXPECT_EQ(WithoutSecrets("https://t0ken@hooks.example/x?token=abc"),
            "https://...@hooks.example/x?token=...");
  EXPECT_EQ(WithoutSecrets("http://127.0.0.1:8080/a@b"), "http://127.0.0.1:8080/a@b");
  EXPECT_EQ(WithoutSecrets("http://[::1]:8080/a@b"), "http://[::1]:8080/a@b");
  EXPECT_EQ(WithoutSecrets("a http://u:p@h and smtp://v:q@i"),
            "a http://u:...@h and smtp://v:...@i");
  EXPECT_EQ(WithoutSecrets("bob:S3CRET@h:25"), "bob:...@h:25");
  EXPECT_EQ(WithoutSecrets("smtp:/bob:S3:CR@ET@h"), "smtp:/bob:...@h");
  EXPECT_EQ(WithoutSecrets("host=/x password=S3CRET user=a"), "host=/x password=... user=a");
  EXPECT_EQ(WithoutSecrets("password='S3 CRET' user=a"), "password=... user=a");
  EXPECT_EQ(WithoutSecrets("forager (me@x.example)"), "forager (me@x.example)");
  EXPECT_EQ(WithoutSecrets("127.0.0.1:8080"), "127.0.0.1:8080");
  EXPECT_EQ(WithoutSecrets("/var/lib/a b@c"), "/var/lib/a b@c");
  EXPECT_EQ(WithoutSecrets("password='S3 CRET"), "password=...");
  EXPECT_EQ(WithoutSecrets(""), "");
  EXPECT_EQ(WithoutSecrets("https://"), "https://");
  EXPECT_EQ(WithoutSecrets("https://:"), "https://:");
  EXPECT_EQ(WithoutSecrets("token=kept where no URL is"), "token=kept where no URL is");
}

}  // namespace
}  // namespace forager
