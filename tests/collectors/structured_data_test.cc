#include "collectors/structured_data.h"

#include <gtest/gtest.h>

namespace forager::collectors {
namespace {

std::vector<FoundItem> Find(const std::string& html) {
  return FindStructuredData(HtmlDocument::Parse(html, "text/html; charset=utf-8"),
                            *ParseUrl("https://site.example/dir/page"));
}
std::vector<FoundItem> FindLd(const std::string& json) {
  return Find("<script type='application/ld+json'>" + json + "</script>");
}
std::string Value(const FoundItem& item, std::string_view key) {
  const FoundValue* value = item.Find(key);
  return value != nullptr ? value->text : "(none)";
}

TEST(JsonLd, NestedValuesGetDottedKeysAndTheirPlace) {
  const auto items = FindLd(
      R"({"@type":"https://schema.org/House","name":"A","address":{"streetAddress":"1 Elm St"},
      "offers":[{"@type":"Offer","price":1.5},{"@type":"Offer","price":2}]})");
  ASSERT_EQ(items.size(), 3u);
  EXPECT_EQ(items[0].types, std::vector<std::string>{"House"});
  EXPECT_EQ(Value(items[0], "address.streetAddress"), "1 Elm St");
  EXPECT_EQ(items[0].Find("address.streetAddress")->where, "jsonld[0].address.streetAddress");
  EXPECT_EQ(items[0].FindAll("offers.price").size(), 2u);
  EXPECT_EQ(items[0].FindAll("offers.price")[1]->where, "jsonld[0].offers[1].price");
  EXPECT_EQ(items[1].parent, 0);
  EXPECT_EQ(items[2].where, "jsonld[0].offers[1]");
}

TEST(JsonLd, GraphsAndReferencesAreFollowed) {
  const auto items = FindLd(
      R"({"@context":"https://schema.org","@graph":[{"@type":"HomeBuilder","name":"B","parentOrganization":{"@id":"#c"}},
      {"@type":"Organization","@id":"#c","name":"C"}]})");
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(Value(items[0], "parentOrganization.name"), "C");
  EXPECT_EQ(items[1].id, "#c");
}

TEST(JsonLd, ReferencesInCirclesEnd) {
  std::string members;
  for (int i = 0; i < 50; ++i) members += ",\"m" + std::to_string(i) + "\":{\"@id\":\"#a\"}";
  const auto items = FindLd(R"({"@type":"Place","@id":"#a")" + members + "}");
  ASSERT_EQ(items.size(), 1u);
}

TEST(JsonLd, NamedValuesAreFoundUnderTheirName) {
  const auto items = FindLd(
      R"x({"@type":"Place","additionalProperty":[{"name":"HOA Fee (yearly)","value":"$1,400"}]
})x");
  EXPECT_EQ(Value(items.at(0), "additionalProperty.hoa_fee_yearly"), "$1,400");
}

TEST(JsonLd, JunkIsTolerated) {
  EXPECT_TRUE(FindLd("").empty());
  EXPECT_TRUE(FindLd("{").empty());
  EXPECT_TRUE(FindLd("null").empty());
  EXPECT_TRUE(FindLd("[1,\"a\",{\"name\":\"no type\"}]").empty());
  EXPECT_TRUE(FindLd(R"({"@type":17})").empty());
  EXPECT_EQ(FindLd("<!-- {\"@type\":\"Place\"} -->").size(), 1u);
  EXPECT_EQ(FindLd("/*<![CDATA[*/ {\"@type\":\"Place\"} /*]]>*/").size(), 1u);
  EXPECT_EQ(FindLd("{\"@type\":\"Place\",\"name\":\"a\nb\",};").size(), 1u);
  EXPECT_TRUE(FindLd(std::string(100'000, '[')).empty());
  EXPECT_EQ(Find("<script type=application/ld+json>{broken</script>"
                 "<script type='application/ld+json; charset=utf-8'>{\"@type\":\"Place\"}</script>")
                .at(0)
                .where,
            "jsonld[1]");
}

TEST(JsonLd, ABodyCanBeJsonLdItself) {
  EXPECT_EQ(FindJsonLd(R"([{"@type":"Place"},{"@type":"House"}])").size(), 2u);
}

TEST(Microdata, ValuesComeFromWhereHtmlSays) {
  const auto items = Find(R"(<div itemscope itemtype="http://schema.org/House">
    <h1 itemprop="name">Elm <b>House</b></h1><meta itemprop="sku" content="17">
    <a itemprop="url" href="../x y">link</a><a itemprop="telephone" href="tel:+1512">call</a>
    <img itemprop="image" src="/i.jpg"><time itemprop="built" datetime="2020">last year</time>
    <data itemprop="price" value="5">five</data>
    <p itemprop="address" itemscope itemtype="http://schema.org/PostalAddress"><span itemprop="addressLocality">Austin</span></p></div>
    <p itemprop="name">stray</p>)");
  ASSERT_EQ(items.size(), 2u);
  const FoundItem& house = items[0];
  EXPECT_EQ(house.source, Source::kMicrodata);
  EXPECT_EQ(Value(house, "name"), "Elm House");
  EXPECT_EQ(Value(house, "sku"), "17");
  EXPECT_EQ(Value(house, "url"), "https://site.example/x%20y");
  EXPECT_EQ(Value(house, "telephone"), "+1512");
  EXPECT_EQ(Value(house, "image"), "https://site.example/i.jpg");
  EXPECT_EQ(Value(house, "built"), "2020");
  EXPECT_EQ(Value(house, "price"), "5");
  EXPECT_EQ(Value(house, "address.addressLocality"), "Austin");
  EXPECT_EQ(Value(items[1], "addressLocality"), "Austin");
  EXPECT_EQ(items[1].parent, 0);
}

TEST(Rdfa, ReadsTypeofAndProperty) {
  const auto items =
      Find(R"(<div vocab="https://schema.org/" typeof="Person"><b property="name">Ann</b>
    <div property="worksFor" typeof="HomeBuilder"><i property="schema:name">B</i></div></div>)");
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(items[0].source, Source::kRdfa);
  EXPECT_EQ(Value(items[0], "name"), "Ann");
  EXPECT_EQ(Value(items[0], "worksFor.name"), "B");
}

TEST(OpenGraph, IsOneItemOfItsType) {
  const auto items =
      Find(R"(<meta property="og:type" content="place"><meta name="og:title" content="T">
    <meta property="fb:app_id" content="1">)");
  ASSERT_EQ(items.size(), 1u);
  EXPECT_EQ(items[0].types, std::vector<std::string>{"place"});
  EXPECT_EQ(Value(items[0], "og:title"), "T");
  EXPECT_EQ(items[0].values.size(), 2u);
}

TEST(StructuredData, AFloodOfItemsIsBounded) {
  std::string html;
  for (int i = 0; i < 5000; ++i)
    html += "<div itemscope itemtype=x/Place><b itemprop=name>n</b></div>";
  EXPECT_LE(Find(html).size(), 2000u);
}

}  // namespace
}  // namespace forager::collectors
