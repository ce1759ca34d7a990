#include "collectors/page_parser.h"

#include <gtest/gtest.h>

namespace forager::collectors {
namespace {

HtmlDocument Parse(std::string_view html, std::string_view content_type = "text/html") {
  return HtmlDocument::Parse(html, content_type);
}

TEST(PageParser, TagSoupBecomesATree) {
  const HtmlDocument document = Parse(
      "<title>A <b>title</title><p>one<p>two "
      "<i>three<table><tr><td>cell</i></p>four</div></html>five");
  ASSERT_NE(document.root(), nullptr);
  EXPECT_EQ(ElementName(document.root()), "html");
  EXPECT_EQ(document.Title(), "A <b>title");
  EXPECT_EQ(document.VisibleText(1000), "one two three cell fourfive");
  EXPECT_FALSE(document.cut());
}

TEST(PageParser, ScriptsAndStylesAreNotVisible) {
  EXPECT_EQ(Parse("<style>p{}</style><script>var "
                  "a</script><body><noscript>b</noscript><p>seen</p><template>c</template>")
                .VisibleText(1000),
            "seen");
}

TEST(PageParser, AttributesAreReadAndUnknownElementsKept) {
  const HtmlDocument document = Parse("<x-Card DATA-a='1' data-a='2' empty>t</x-Card>");
  int seen = 0;
  WalkElements(document.root(), [&seen](_xmlNode* node) {
    if (ElementName(node) != "x-card") return true;
    ++seen;
    EXPECT_EQ(Attribute(node, "data-a"), "1");
    EXPECT_TRUE(HasAttribute(node, "empty"));
    EXPECT_EQ(Attribute(node, "absent"), "");
    EXPECT_EQ(TextOf(node, 100), "t");
    return true;
  });
  EXPECT_EQ(seen, 1);
}

TEST(PageParser, NothingIsAPageToo) {
  for (const std::string_view page :
       {"", " ", "\0\0\0", "<", "<!--", "<![CDATA[", "&#0;&#xFFFFFFFF;", "</p></p>"}) {
    EXPECT_NE(Parse(page).root(), nullptr);
  }
}

TEST(PageParser, DeepNestingIsCutNotCrashed) {
  std::string html;
  for (int i = 0; i < 4'000; ++i) html += "<div>";
  const HtmlDocument document = Parse(html + "deep");
  EXPECT_TRUE(document.cut());
  int depth = 0;
  WalkElements(document.root(), [&depth](_xmlNode*) { return ++depth > 0; });
  EXPECT_LE(depth, 515);
}

TEST(PageParser, FormattingThatMultipliesIsBounded) {
  std::string html;
  for (int i = 0; i < 3000; ++i) html += "<p><b id=" + std::to_string(i) + ">";
  ParseLimits limits;
  limits.max_memory = 32 << 20;
  const HtmlDocument document = HtmlDocument::Parse(html, "text/html", limits);
  EXPECT_TRUE(document.cut());
  EXPECT_EQ(document.root(), nullptr);
}

TEST(PageParser, TimeAndNodesAreBounded) {
  std::string html;
  for (int i = 0; i < 50'000; ++i) html += "<p>x";
  ParseLimits limits;
  limits.max_time = std::chrono::milliseconds(-1);
  EXPECT_TRUE(HtmlDocument::Parse(html, "text/html", limits).cut());
  limits = {};
  limits.max_nodes = 100;
  const HtmlDocument document = HtmlDocument::Parse(html, "text/html", limits);
  EXPECT_TRUE(document.cut());
  EXPECT_NE(document.root(), nullptr);
}

struct CharsetCase {
  const char* name;
  std::string bytes;
  const char* content_type;
  std::string text;
};

TEST(PageParser, TheCharacterSetIsFoundOut) {
  const CharsetCase cases[] = {
      {"plain utf-8", "caf\xc3\xa9", "text/html", "caf\xc3\xa9"},
      {"byte order mark beats the header",
       "\xef\xbb\xbf"
       "caf\xc3\xa9",
       "text/html; charset=latin1", "caf\xc3\xa9"},
      {"header", "caf\xe9", "text/html; charset=ISO-8859-1", "caf\xc3\xa9"},
      {"latin1 means windows-1252", "\x93q\x94", "text/html; charset=\"latin1\"",
       "\xe2\x80\x9cq\xe2\x80\x9d"},
      {"meta", "<meta charset=shift_jis>\x83\x65", "text/html",
       "<meta charset=shift_jis>\xe3\x83\x86"},
      {"meta http-equiv", "<META http-equiv=x content='text/html; charset=koi8-r'>\xc1", "",
       "<META http-equiv=x content='text/html; charset=koi8-r'>\xd0\xb0"},
      {"not utf-8, nothing said", "caf\xe9", "text/html", "caf\xc3\xa9"},
      {"utf-16 with a mark",
       std::string("\xff\xfe"
                   "a\0\xe9\0",
                   6),
       "", "a\xc3\xa9"},
      {"utf-16 big endian", std::string("\xfe\xff\0a\0\xe9", 6), "", "a\xc3\xa9"},
      {"meta that says utf-16 lies", "<meta charset=utf-16>\xc3\xa9", "",
       "<meta charset=utf-16>\xc3\xa9"},
      {"unknown name", "caf\xc3\xa9", "text/html; charset=klingon", "caf\xc3\xa9"},
      {"said utf-8 but is not", "caf\xe9!", "text/html; charset=utf-8", "caf\xef\xbf\xbd!"},
      {"gb18030", "\xc4\xe3", "text/html;charset=gb2312", "\xe4\xbd\xa0"},
  };
  for (const CharsetCase& one : cases)
    EXPECT_EQ(ToUtf8(one.bytes, one.content_type), one.text) << one.name;
}

TEST(PageParser, TextIsNeverCutInsideACharacter) {
  EXPECT_EQ(CutText("a\xc3\xa9z", 2), "a");
  EXPECT_EQ(CutText("a\xc3\xa9z", 3), "a\xc3\xa9");
  EXPECT_EQ(CutText("a\xf0\x9f\x8f\xa0", 4), "a");
  EXPECT_EQ(CutText("abc", 10), "abc");
}

}  // namespace
}  // namespace forager::collectors
