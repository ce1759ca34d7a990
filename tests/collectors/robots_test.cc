#include "collectors/robots.h"

#include <gtest/gtest.h>

namespace forager::collectors {
namespace {

bool Allowed(std::string_view robots, std::string_view target) {
  return Robots::Parse(robots, "forager").Allows(target);
}

TEST(Robots, AnEmptyFileAllowsAll) {
  EXPECT_TRUE(Allowed("", "/x"));
  EXPECT_TRUE(Allowed("User-agent: *\nDisallow:\n", "/x"));
  EXPECT_TRUE(Allowed("<html>not robots</html>", "/x"));
}

TEST(Robots, RulesBelongToTheirGroup) {
  constexpr std::string_view kFile =
      "Disallow: /before-any-group\n"
      "User-agent: *\nDisallow: /all\n\n"
      "User-agent: other\nUser-agent: FORAGER\nDisallow: /own\n\n"
      "user-agent: third\ndisallow: /third\n";
  EXPECT_FALSE(Allowed(kFile, "/own/page"));
  EXPECT_TRUE(Allowed(kFile, "/all"))
      << "the group of everybody does not count where there is an own one";
  EXPECT_TRUE(Allowed(kFile, "/third"));
  EXPECT_TRUE(Allowed(kFile, "/before-any-group"));
  EXPECT_FALSE(Robots::Parse(kFile, "somebody").Allows("/all"));
}

TEST(Robots, GroupsOfOneTokenAreMerged) {
  constexpr std::string_view kFile =
      "User-agent: forager\nDisallow: /a\n\nUser-agent: x\nDisallow: /c\n\nUser-agent: "
      "forager\nDisallow: /b\n";
  EXPECT_FALSE(Allowed(kFile, "/a"));
  EXPECT_FALSE(Allowed(kFile, "/b"));
  EXPECT_TRUE(Allowed(kFile, "/c"));
}

TEST(Robots, OtherLinesDoNotEndAGroup) {
  EXPECT_FALSE(Allowed(
      "User-agent: forager\nSitemap: https://x/s.xml\nUser-agent: b\nDisallow: /a\n", "/a"));
  EXPECT_FALSE(Allowed("User-agent: forager\nCrawl-delay: 2\nDisallow: /a\n", "/a"));
}

TEST(Robots, TheTokenIsMatchedAsAWhole) {
  EXPECT_TRUE(Allowed("User-agent: forager-images\nDisallow: /\n", "/"));
  EXPECT_TRUE(Allowed("User-agent: fora\nDisallow: /\n", "/"));
  EXPECT_FALSE(Allowed("User-agent: Forager/2.0 (x)\nDisallow: /\n", "/"));
  EXPECT_FALSE(
      Robots::Parse("User-agent: forager\nDisallow: /\n", "forager/0.1 (+https://x)").Allows("/"));
  EXPECT_FALSE(Allowed("User-agent: * everybody\nDisallow: /\n", "/"));
}

TEST(Robots, TheLongestRuleWinsAndAllowOnATie) {
  constexpr std::string_view kExample =  // RFC 9309, 5.2
      "User-Agent: forager\nAllow: /example/page/\nDisallow: /example/page/disallowed.gif\n";
  EXPECT_TRUE(Allowed(kExample, "/example/page/"));
  EXPECT_FALSE(Allowed(kExample, "/example/page/disallowed.gif"));
  EXPECT_TRUE(Allowed("User-agent: *\nDisallow: /p\nAllow: /p\n", "/p"));
  EXPECT_TRUE(Allowed("User-agent: *\nDisallow: /\nAllow: /p\n", "/page"));
  EXPECT_FALSE(Allowed("User-agent: *\nDisallow: /folder/\nAllow: /fold\n", "/folder/x"));
  EXPECT_FALSE(Allowed("User-agent: *\nAllow: /page\nDisallow: /*.html\n", "/page.html"));
  EXPECT_TRUE(Allowed("User-agent: *\nAllow: /$\nDisallow: /\n", "/"));
  EXPECT_FALSE(Allowed("User-agent: *\nAllow: /$\nDisallow: /\n", "/page.htm"));
}

struct MatchCase {
  const char* pattern;
  const char* target;
  bool matches;
};

TEST(Robots, WildcardsMatch) {
  const MatchCase cases[] = {
      {"/fish", "/fish.html", true},
      {"/fish", "/Fish.asp", false},
      {"/fish", "/catfish", false},
      {"/fish*", "/fishheads/yummy.html", true},
      {"/fish/", "/fish", false},
      {"/fish/", "/fish/?id=anything", true},
      {"/*.php", "/folder/filename.php?p", true},
      {"/*.php", "/windows.PHP", false},
      {"/*.php$", "/filename.php", true},
      {"/*.php$", "/filename.php?parameters", false},
      {"/*.php$", "/filename.php5", false},
      {"/fish*.php", "/fishheads/catfish.php?p", true},
      {"/fish*.php", "/Fish.PHP", false},
      {"/a*a*a*b", "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", false},
      {"*/x", "/a/x", true},
      {"/$", "/", true},
      {"/a$b", "/a$b", true},
      {"/", "/", true},
      {"*", "/x", true},
      {"fish", "/fish", false},
  };
  for (const MatchCase& one : cases) {
    const std::string file = std::string("User-agent: *\nDisallow: ") + one.pattern + "\n";
    EXPECT_EQ(!Allowed(file, one.target), one.matches) << one.pattern << " " << one.target;
  }
}

TEST(Robots, OctetsAreComparedInOneSpelling) {
  const MatchCase cases[] = {
      // RFC 9309, 2.2.2
      {"/foo/bar?baz=quz", "/foo/bar?baz=quz", true},
      {"/foo/bar?baz=http://foo.bar", "/foo/bar?baz=http://foo.bar", true},
      {"/foo/bar/\xe3\x83\x84", "/foo/bar/%E3%83%84", true},
      {"/foo/bar/%e3%83%84", "/foo/bar/%E3%83%84", true},
      {"/foo/bar/%62%61%7A", "/foo/bar/baz", true},
      {"/foo/bar/baz", "/foo/bar/%62%61%7a", true},
      {"/a%3cd.html", "/a%3Cd.html", true},
      {"/a%2fb", "/a/b", false},
  };
  for (const MatchCase& one : cases) {
    const std::string file = std::string("User-agent: *\nDisallow: ") + one.pattern + "\n";
    EXPECT_EQ(!Allowed(file, one.target), one.matches) << one.pattern << " " << one.target;
  }
}

TEST(Robots, SloppyFilesAreUnderstood) {
  EXPECT_FALSE(Allowed("\xef\xbb\xbfUser-agent: forager\r\nDisallow: /a # why\r\n", "/a"));
  EXPECT_FALSE(Allowed("useragent: forager\rdisalow: /a\r", "/a"));
  EXPECT_FALSE(Allowed("user-agent forager\ndisallow /a\n", "/a"));
  EXPECT_FALSE(Allowed("  USER-AGENT :  forager  \n\t dIsAlLoW\t:/a", "/a"));
  EXPECT_TRUE(Allowed("user-agent: forager\ndisallow /a and more\n", "/a"));
}

TEST(Robots, CrawlDelayIsThatOfTheOwnGroup) {
  struct {
    const char* file;
    int milliseconds;
  } const cases[] = {
      {"", 0},
      {"User-agent: *\nDisallow: /a\n", 0},
      {"User-agent: *\nCrawl-delay: 5\n", 5'000},
      {"User-agent: *\ncrawl-delay : 0.25 # s\n", 250},
      {"User-agent: *\nCrawl-delay: 31\n", 30'000},
      {"User-agent: *\nCrawl-delay: 1e300\n", 30'000},
      {"User-agent: *\nCrawl-delay: -1\n", 0},
      {"User-agent: *\nCrawl-delay: nan\n", 0},
      {"User-agent: *\nCrawl-delay: soon\n", 0},
      {"User-agent: *\nCrawl-delay: 9\nDisallow: /a\nUser-agent: forager\nCrawl-delay: 2\n", 2'000},
      {"User-agent: *\nCrawl-delay: 9\nDisallow: /a\nUser-agent: forager\nDisallow: /b\n", 0},
      {"User-agent: other\nCrawl-delay: 9\n", 0},
      {"User-agent: forager\nCrawl-delay: 2\nAllow: /\nUser-agent: forager\nCrawl-delay: 3\n", 3'000},
      {"Crawl-delay: 7\nUser-agent: *\nAllow: /\n", 0},
  };
  for (const auto& one : cases)
    EXPECT_EQ(Robots::Parse(one.file, "forager").crawl_delay(), Millis{one.milliseconds}) << one.file;
}

TEST(Robots, CrawlDelayEndsNoListOfUserAgents) {
  const std::string file = "User-agent: forager\nCrawl-delay: 5\nUser-agent: other\nDisallow: /a\n";
  EXPECT_FALSE(Allowed(file, "/a"));
}

TEST(Robots, OnlyTheFirst512KiBCount) {
  const std::string padding = "#" + std::string(kMaxRobotsBytes, 'x') + "\n";
  EXPECT_TRUE(Allowed("User-agent: *\nDisallow: /a\n" + padding + "Disallow: /b\n", "/b"));
  EXPECT_FALSE(Allowed("User-agent: *\nDisallow: /a\n" + padding, "/a"));
}

TEST(Robots, TheFileItselfIsAlwaysAllowed) {
  EXPECT_TRUE(Allowed("User-agent: *\nDisallow: /\n", "/robots.txt"));
}

TEST(Robots, CheckTakesAWholeUrl) {
  EXPECT_FALSE(
      *RobotsAllow("User-agent: *\nDisallow: /a\n", "forager", "https://example.com/a?b=1"));
  EXPECT_TRUE(*RobotsAllow("User-agent: *\nDisallow: /a\n", "forager", "https://example.com"));
  EXPECT_FALSE(RobotsAllow("", "forager", "nonsense").has_value());
}

}  // namespace
}  // namespace forager::collectors
