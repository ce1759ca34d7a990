#include "os/visible_text.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "os/log.h"

namespace forager::os {
namespace {

TEST(VisibleText, NothingActsAndALineStaysOne) {
  EXPECT_EQ(Visible("a\nb\x1b[31m\x7f"), "a\\nb\\x1b[31m\\x7f");
  EXPECT_EQ(Visible("\u0085 \u009b2J"), "\\x85 \\x9b2J");
  EXPECT_EQ(Visible("\u2028\u2029\u202e\u2066\u200f\u061c\ufeff"),
            "\\u2028\\u2029\\u202e\\u2066\\u200f\\u061c\\ufeff");
  EXPECT_EQ(Visible("\x9b"
                    "2J \xff\xc3"),
            "\\x9b2J \\xff\\xc3");
  EXPECT_EQ(Visible("🔵 é 日本"), "🔵 é 日本");
}

TEST(VisibleText, OverlongFormsAndSurrogatesAreNoCharacters) {
  EXPECT_EQ(Visible("\xc0\x9b \xed\xa0\x80 \xe0\x80\x9b"),
            "\\xc0\\x9b \\xed\\xa0\\x80 \\xe0\\x80\\x9b");
}

TEST(VisibleText, JsonStaysJson) {
  EXPECT_EQ(VisibleJson("\"\u009b\u2028\U000E0041é\xff\""),
            "\"\\u009b\\u2028\\udb40\\udc41é\\ufffd\"");
}

std::string Logged(LogFormat format) {
  std::string path = ::testing::TempDir() + "visible.log";
  std::ofstream(path, std::ios::trunc).close();
  OpenLog({path, false, format, Severity::kInfo});
  LogInfo("job \u2028\u0085x", {{"error", "\u202e\x1b"}});
  FlushLog();
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(VisibleText, TheLogShowsItInBothFormats) {
  EXPECT_TRUE(Logged(LogFormat::kText).ends_with("info job \\u2028\\x85x error=\\u202e\\x1b\n"));
  EXPECT_TRUE(
      Logged(LogFormat::kJson)
          .ends_with("\"message\":\"job \\u2028\\u0085x\",\"error\":\"\\u202e\\u001b\"}\n"));
}

}  // namespace
}  // namespace forager::os
