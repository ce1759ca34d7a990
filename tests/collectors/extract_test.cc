#include "collectors/extract.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <sstream>

#include "collectors/record_builder.h"
#include "collectors/record_values.h"

namespace forager::collectors {
namespace {

namespace json = boost::json;

Page Html(const std::string& body) {
  Page page;
  page.url = *ParseUrl("https://site.example/page");
  page.status = 200;
  page.body = body;
  return page;
}
std::vector<json::object> Entities(const Extraction& extraction) {
  std::vector<json::object> out;
  for (const RecordEvent& record : extraction.records)
    out.push_back(json::parse(record.entity).as_object());
  return out;
}
std::vector<json::object> Entities(const std::string& body, std::string_view type) {
  return Entities(ExtractPage(Html(body), type));
}
std::string Sample(const std::string& file) {
  std::ifstream in(std::string(FORAGER_SOURCE_DIR) + "/src/app/demo_site/" + file);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}
std::string Ld(const std::string& object) {
  return "<script type=application/ld+json>" + object + "</script>";
}

TEST(FieldValues, AreTypedOrNothing) {
  const Url base = *ParseUrl("https://site.example/dir/");
  struct Case {
    FieldKind kind;
    const char* text;
    const char* json;  // null: nothing
  };
  const Case cases[] = {
      {FieldKind::kText, "  a &amp;\n b ", "\"a & b\""},
      {FieldKind::kText, " ", nullptr},
      {FieldKind::kWord, "https://schema.org/InStock", "\"InStock\""},
      {FieldKind::kNumber, "2.5 baths", "2.5E0"},
      {FieldKind::kNumber, "2,684 sq ft", "2684"},
      {FieldKind::kNumber, "3 - 5", nullptr},
      {FieldKind::kNumber, "-97.7", "-9.77E1"},
      {FieldKind::kNumber, "many", nullptr},
      {FieldKind::kInteger, "2.5", nullptr},
      {FieldKind::kInteger, "820 homes", "820"},
      {FieldKind::kMoney, "From $350,000", "350000"},
      {FieldKind::kMoney, "$489.9K", "489900"},
      {FieldKind::kMoney, "$1.2M", "1200000"},
      {FieldKind::kMoney, "from the low $300s", nullptr},
      {FieldKind::kMoney, "99999999999999999999", nullptr},
      {FieldKind::kYearlyMoney, "$1,400/yr", "1400"},
      {FieldKind::kYearlyMoney, "$120 per month", nullptr},
      {FieldKind::kMonthlyMoney, "$120 monthly", "120"},
      {FieldKind::kMonthlyMoney, "$1,400 annual", nullptr},
      {FieldKind::kRangeLow, "$350,000 - $600,000", "350000"},
      {FieldKind::kRangeHigh, "$350,000 \xe2\x80\x93 $600,000", "600000"},
      {FieldKind::kRangeHigh, "$350,000", "350000"},
      {FieldKind::kYear, "1994-05-02", "1994"},
      {FieldKind::kYear, "since 19945", nullptr},
      {FieldKind::kUrl, "../a b", "\"https://site.example/a%20b\""},
      {FieldKind::kUrl, "javascript:x", nullptr},
      {FieldKind::kEmail, "mailto:A@B.example?subject=x", "\"a@b.example\""},
      {FieldKind::kEmail, "not a mail", nullptr},
      {FieldKind::kPhone, "tel:+15125550142", "\"+15125550142\""},
      {FieldKind::kPhone, "call us", nullptr},
  };
  for (const Case& one : cases) {
    const auto value = FieldValue(one.kind, one.text, base);
    EXPECT_EQ(value.has_value(), one.json != nullptr)
        << one.text << (value ? " became " + *value : "");
    if (value && one.json != nullptr) {
      EXPECT_EQ(*value, one.json) << one.text;
    }
  }
}

TEST(Extract, TheSampleCommunityIsReadInFull) {
  const Extraction extraction = ExtractPage(Html(Sample("willow-bend.html")), "community");
  ASSERT_EQ(extraction.records.size(), 1u);
  EXPECT_EQ(json::parse(extraction.records[0].entity), json::parse(R"({
    "name": "Willow Bend", "city": "Georgetown", "state": "TX", "postal_code": "78628",
    "address": "2400 Willow Bend Parkway", "phone": "(512) 555-0142", "email": "hello@willowbend.example",
    "website": "https://site.example/communities/willow-bend", "latitude": 30.6512, "longitude": -97.7423,
    "hoa_fee": 1400, "tax_rate": 2.38, "price_range_min": 389000, "price_range_max": 742000, "homes": 820,
    "founded_year": 2019, "development_stage": "Phase 3 of 5", "developer_name": "San Gabriel Land Company",
    "school_district": "Georgetown ISD", "elementary_school": "Wolf Ranch Elementary",
    "middle_school": "Tippit Middle School", "high_school": "East View High School",
    "amenities": ["Swim club", "Trails", "Farm stand"],
    "about": "A master-planned community of 820 homes along the San Gabriel River, with a swim club, nine miles of trails and a farm stand."
  })"));
  EXPECT_EQ(extraction.records[0].confidence, 0.9);
  EXPECT_EQ(extraction.records[0].source_url, "https://site.example/page");
}

TEST(Extract, EveryValueCarriesItsEvidence) {
  const Page page = Html(Sample("willow-bend.html"));
  const Extraction extraction = ExtractPage(page, "community");
  const json::object evidence = json::parse(extraction.records.at(0).evidence.value()).as_object();
  EXPECT_EQ(evidence.at("url"), "https://site.example/page");
  EXPECT_EQ(evidence.at("digest"), json::string(Digest(page.body)));
  EXPECT_EQ(evidence.at("method"), "jsonld");
  EXPECT_EQ(
      evidence.at("fields").at("hoa_fee"),
      json::parse(
          R"({"method":"jsonld","path":"jsonld[0].additionalProperty[0].value","quote":"$1,400/yr"})"));
  const json::object entity = json::parse(extraction.records[0].entity).as_object();
  for (const auto& member : entity) {
    EXPECT_TRUE(evidence.at("fields").as_object().contains(member.key())) << member.key();
  }
}

TEST(Extract, EverySamplePageGivesWhatItIsAbout) {
  struct Case {
    const char* file;
    const char* type;
    std::size_t records;
    double confidence;
    const char* field;
    const char* value;
  };
  const Case cases[] = {
      {"larkspur-ridge.html", "community", 1, 0.8, "name", "\"Larkspur Ridge\""},
      {"pecan-crossing.html", "community", 1, 0.6, "postal_code", "\"78666\""},
      {"brightwater-homes.html", "builder", 1, 0.9, "headquarters_address",
       "\"1100 Congress Avenue, Austin, TX 78701\""},
      {"stonefield-homes.html", "builder", 1, 0.8, "founded_year", "1987"},
      {"plan-2140.html", "property", 1, 0.9, "price", "489900"},
      {"204-larkspur-lane.html", "property", 1, 0.8, "sqft", "3120"},
      {"quick-move-in.html", "property", 4, 0.9, "community", "\"Willow Bend\""},
      {"the-laurel-plan.html", "property", 1, 0.6, "price", "572000"},
      {"team-willow-bend.html", "sales_rep", 3, 0.9, "builder",
       "\"Brightwater Homes at Willow Bend\""},
      {"miguel-arroyo.html", "sales_rep", 1, 0.75, "last_name", "\"Arroyo\""},
  };
  for (const Case& one : cases) {
    const Extraction extraction = ExtractPage(Html(Sample(one.file)), one.type);
    ASSERT_EQ(extraction.records.size(), one.records) << one.file;
    EXPECT_EQ(extraction.records[0].confidence, one.confidence) << one.file;
    const json::object entity = json::parse(extraction.records[0].entity).as_object();
    ASSERT_TRUE(entity.contains(one.field)) << one.file << json::serialize(entity);
    EXPECT_EQ(entity.at(one.field), json::parse(one.value)) << one.file;
  }
}

TEST(Extract, AHomeKnowsItsBuilderAndRooms) {
  const auto homes = Entities(Sample("plan-2140.html"), "property");
  ASSERT_EQ(homes.size(), 1u);
  for (const char* field :
       {"builder", "community", "title", "address1", "city", "price", "bedrooms", "bathrooms",
        "sqft", "lot_sqft", "stories", "garage_spaces", "lot_number", "builder_plan_name",
        "listing_status", "media_urls", "construction_stage", "quick_move_in", "school_district"}) {
    EXPECT_TRUE(homes[0].contains(field)) << field << json::serialize(homes[0]);
  }
  EXPECT_EQ(homes[0].at("builder"), "Brightwater Homes");
}

TEST(Extract, APageAboutOtherThingsGivesNothing) {
  for (const char* type : {"community", "builder", "property", "sales_rep"}) {
    EXPECT_TRUE(ExtractPage(Html(Sample("grand-opening.html")), type).records.empty()) << type;
    EXPECT_TRUE(ExtractPage(Html(Sample("index.html")), type).records.empty()) << type;
    EXPECT_TRUE(ExtractPage(Html("<p>plain"), type).records.empty()) << type;
  }
  EXPECT_TRUE(ExtractPage(Html(Sample("willow-bend.html")), "spaceship").records.empty());
}

TEST(Extract, ATitleAloneCountsOnlyWhereNothingElseSpeaks) {
  const std::string title = "<meta property=og:title content='Willow Bend'>";
  const Extraction alone = ExtractPage(Html(title), "community");
  ASSERT_EQ(alone.records.size(), 1u);
  EXPECT_EQ(alone.records[0].confidence, 0.4);
  EXPECT_TRUE(Entities(title + Ld(R"({"@type":"HomeBuilder","name":"B"})"), "community").empty());
}

TEST(Extract, AListIsQuotedInFull) {
  const Extraction extraction = ExtractPage(
      Html(Ld(R"({"@type":"ApartmentComplex","name":"A","amenityFeature":["Pool","Gym"]})")),
      "community");
  EXPECT_EQ(json::parse(extraction.records.at(0).evidence.value()).at("fields").at("amenities"),
            json::parse(
                R"({"method":"jsonld","path":"jsonld[0].amenityFeature[0]","quote":"Pool\nGym"})"));
}

TEST(Extract, ThePublisherIsNotTheBuilder) {
  const auto builders = Entities(
      Ld(R"([{"@type":"Organization","name":"Portal"},{"@type":"HomeBuilder","name":"B"}])"),
      "builder");
  ASSERT_EQ(builders.size(), 1u);
  EXPECT_EQ(builders[0].at("name"), "B");
}

TEST(Extract, OneThingSaidTwiceIsOneRecord) {
  const auto found = Entities(
      Ld(R"([{"@type":"ApartmentComplex","name":"A"},{"@type":"ApartmentComplex","name":"a","telephone":"512 555 0100"}])"),
      "community");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].at("name"), "A");
  EXPECT_EQ(found[0].at("phone"), "512 555 0100");
}

TEST(Extract, AnOfferLendsItsPriceToTheHomeInIt) {
  const auto homes = Entities(
      Ld(R"({"@type":"Offer","price":"250000","itemOffered":{"@type":"House","name":"H"}})"),
      "property");
  ASSERT_EQ(homes.size(), 1u);
  EXPECT_EQ(homes[0].at("title"), "H");
  EXPECT_EQ(homes[0].at("price"), 250000);
}

TEST(Extract, WithoutANameThereIsNoRecord) {
  EXPECT_TRUE(
      Entities(Ld(R"({"@type":"ApartmentComplex","telephone":"512 555 0100"})"), "community")
          .empty());
}

TEST(Extract, JsonAnswersAreReadToo) {
  Page page = Html(R"({"@type":"ApartmentComplex","name":"J"})");
  page.content_type = "application/ld+json";
  EXPECT_EQ(ExtractPage(page, "community").records.size(), 1u);
}

TEST(Extract, BlockPagesAreAnOutcomeOfTheirOwn) {
  for (const char* body : {"<title>Just a moment...</title><p>Checking your browser",
                           "<title>Access Denied</title>no", "<title>Robot Check</title>",
                           "<title>x</title><h1>Please verify you are a human</h1><p>captcha",
                           "<title>Sign in</title><form><input type=password></form>"}) {
    const Extraction extraction = ExtractPage(Html(body), "community");
    ASSERT_TRUE(extraction.blocked) << body;
    EXPECT_EQ(extraction.blocked->error_class, ErrorClass::kPermanent);
    EXPECT_NE(extraction.blocked->message.find("https://site.example/page is blocked: it is"),
              std::string::npos);
  }
}

TEST(Extract, GoodPagesAreNotTakenForBlockPages) {
  std::string article = "<title>Access denied: a history of gates</title>";
  for (int i = 0; i < 500; ++i) article += "<p>A paragraph about gates.";
  EXPECT_FALSE(ExtractPage(Html(article), "community").blocked);
  EXPECT_FALSE(ExtractPage(Html("<title>Login</title>" + Ld(R"({"@type":"Place","name":"P"})") +
                                "<input type=password>"),
                           "community")
                   .blocked);
  EXPECT_FALSE(
      ExtractPage(Html("<title>Homes</title><form action=/login><input type=password></form>"),
                  "community")
          .blocked);
}

TEST(Extract, LinesAreEventsOfACollector) {
  const auto lines = ExtractFromHtml(Sample("team-willow-bend.html"), "https://site.example/", "");
  ASSERT_TRUE(lines);
  std::istringstream in(*lines);
  int records = 0;
  for (std::string line; std::getline(in, line); ++records) EXPECT_TRUE(ParseEvent(line).event) << line;
  EXPECT_EQ(records, 4);  // three people and their builder
  EXPECT_FALSE(ExtractFromHtml("", "https://site.example/", "spaceship"));
  EXPECT_FALSE(ExtractFromHtml("", "nonsense", "community"));
}

TEST(Answers, AreSortedByStatus) {
  struct Case {
    int status;
    std::optional<ErrorClass> error_class;
  };
  const Case cases[] = {{200, {}},
                        {204, {}},
                        {304, ErrorClass::kPermanent},
                        {400, ErrorClass::kPermanent},
                        {401, ErrorClass::kPermanent},
                        {403, ErrorClass::kPermanent},
                        {404, ErrorClass::kPermanent},
                        {408, ErrorClass::kTransient},
                        {410, ErrorClass::kPermanent},
                        {425, ErrorClass::kTransient},
                        {429, ErrorClass::kTransient},
                        {500, ErrorClass::kTransient},
                        {502, ErrorClass::kTransient},
                        {503, ErrorClass::kTransient},
                        {504, ErrorClass::kTransient}};
  for (const Case& one : cases) {
    Page page = Html("");
    page.status = one.status;
    const auto failure = JudgeAnswer(page);
    EXPECT_EQ(failure.has_value(), one.error_class.has_value()) << one.status;
    if (failure && one.error_class) {
      EXPECT_EQ(failure->error_class, *one.error_class) << one.status;
    }
  }
}

TEST(Answers, WhatIsNoPageIsRefused) {
  Page page = Html("%PDF");
  page.content_type = "application/pdf";
  EXPECT_EQ(JudgeAnswer(page)->message,
            "https://site.example/page is not a web page but application/pdf");
}

TEST(Answers, RetryAfterHasTwoForms) {
  const WallTime now{std::chrono::seconds(1'700'000'000)};  // Tue, 14 Nov 2023 22:13:20 GMT
  EXPECT_EQ(ParseRetryAfter("120", now), Millis(120'000));
  EXPECT_EQ(ParseRetryAfter("0", now), Millis(0));
  EXPECT_EQ(ParseRetryAfter("99999999999999999999", now), Millis(86'400'000));
  EXPECT_EQ(ParseRetryAfter("Tue, 14 Nov 2023 22:14:20 GMT", now), Millis(60'000));
  EXPECT_EQ(ParseRetryAfter("Tue, 14 Nov 2023 22:00:00 GMT", now), Millis(0));
  EXPECT_EQ(ParseRetryAfter("soon", now), std::nullopt);
  EXPECT_EQ(ParseRetryAfter("", now), std::nullopt);
}

}  // namespace
}  // namespace forager::collectors
