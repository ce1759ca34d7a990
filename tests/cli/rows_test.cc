#include "cli/rows.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/json.hpp>

#include "cli/job_filter.h"
#include "cli/json_text.h"
#include "job/json_read.h"

namespace forager::cli {
namespace {

namespace json = boost::json;

constexpr Column kColumns[] = {
    {"NAME", "name", Show::kText, 10}, {"N", "n", Show::kNumber}, {"STATE", "s", Show::kState}};

// What a client prints to a pipe.
class RowsTest : public testing::Test {
 protected:
  RowsTest() {
    EXPECT_EQ(pipe(ends_), 0);
    out_ = dup(1);
    dup2(ends_[1], 1);
    close(ends_[1]);
  }
  ~RowsTest() override {
    if (out_ >= 0) Printed();
    close(ends_[0]);
  }

  std::string Printed() {
    dup2(out_, 1);
    close(out_);
    out_ = -1;
    std::string text;
    char part[4096];
    for (ssize_t got; (got = read(ends_[0], part, sizeof part)) > 0;)
      text.append(part, static_cast<std::size_t>(got));
    return text;
  }

  std::string Print(Format format, std::initializer_list<const char*> rows) {
    client_.format = format;
    RowWriter writer(client_, kColumns);
    for (const char* row : rows) writer.Add(*ParseJson(row));
    writer.End();
    return Printed();
  }

  Client client_{Connection{}};
  int ends_[2];
  int out_;
};

constexpr const char* kFirst = R"({"name":"plain","n":1234,"s":"failed"})";
constexpr const char* kSecond = R"({"name":"quo\"te, and \u001b[2J long","n":5,"s":null})";

TEST_F(RowsTest, ATableAlignsAndHidesControls) {
  EXPECT_EQ(Print(Format::kTable, {kFirst, kSecond}),
            "NAME            N  STATE\n"
            "plain       1,234  failed\n"
            "quo\"te, a…      5  -\n");
}

TEST_F(RowsTest, CsvQuotesAndKeepsEveryByteForAPipe) {
  EXPECT_EQ(Print(Format::kCsv, {kFirst, kSecond}),
            "name,n,s\nplain,1234,failed\n\"quo\"\"te, and \x1b[2J long\",5,\n");
}

TEST_F(RowsTest, CsvOfStrangersIsNoFormula) {
  EXPECT_EQ(Print(Format::kCsv, {R"({"name":"=1+1","n":-5,"s":"+x"})",
                                 R"({"name":"@SUM(A1,\"x\") ","n":null,"s":"\t=1"})",
                                 R"({"name":"＝1","n":1,"s":"-"})"}),
            "name,n,s\n'=1+1,-5,'+x\n\"'@SUM(A1,\"\"x\"\") \",,'\t=1\n'＝1,1,'-\n");
}

TEST_F(RowsTest, AnEmptyListIsStillAList) { EXPECT_EQ(Print(Format::kJson, {}), "[]\n"); }
TEST_F(RowsTest, AnEmptyCsvHasItsHeading) { EXPECT_EQ(Print(Format::kCsv, {}), "name,n,s\n"); }

TEST_F(RowsTest, JsonIsAListThatReadsBack) {
  auto back = ParseJson(Print(Format::kJson, {kFirst, kSecond}));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->at(1), *ParseJson(kSecond));
}

TEST_F(RowsTest, JsonLinesAreOneEach) {
  EXPECT_EQ(Print(Format::kJsonLines, {kFirst, kFirst}),
            std::string(kFirst) + "\n" + kFirst + "\n");
}

TEST_F(RowsTest, TablesOfThousandsKeepTheirOrderAndOneHeading) {
  client_.format = Format::kTable;
  {
    // The pipe holds less than the table: fewer, but over the bound of measuring.
    RowWriter writer(client_, std::span(kColumns).first(1));
    for (int i = 0; i < 2'500; ++i) writer.Add(json::object{{"name", std::to_string(i)}});
    writer.End();
  }
  std::string text = Printed();
  EXPECT_TRUE(text.starts_with("NAME\n0\n1\n"));
  EXPECT_TRUE(text.ends_with("\n2499\n"));
  EXPECT_EQ(std::ranges::count(text, '\n'), 2'501);
}

TEST(JsonTextTest, EscapesWhatSomeTerminalsObey) {
  json::value value = {{"a\x7f",
                        "\xc2\x9b"
                        "2J \u202E\u2066 \x1b é 日"}};
  std::string text = CompactJson(value);
  EXPECT_EQ(text, "{\"a\\u007f\":\"\\u009b2J \\u202e\\u2066 \\u001b é 日\"}");
  EXPECT_EQ(*ParseJson(text), value);
}

TEST(JsonTextTest, IsPrettyAndKeepsOrder) {
  auto value = ParseJson(R"({"z":[1,{"b":0.5}],"a":{},"n":[],"t":true})");
  EXPECT_EQ(PrettyJson(*value),
            "{\n  \"z\": [\n    1,\n    {\n      \"b\": 0.5\n    }\n  ],\n  \"a\": {},\n  \"n\": "
            "[],\n  \"t\": true\n}");
  EXPECT_EQ(CompactJson(*value), R"({"z":[1,{"b":0.5}],"a":{},"n":[],"t":true})");
}

TEST(JsonTextTest, PathsThatLeadNowhereAreNull) {
  auto value = ParseJson(R"({"a":{"b":3},"s":"x"})");
  EXPECT_EQ(NumberAt(*value, "a.b"), 3);
  EXPECT_TRUE(At(*value, "a.c.d").is_null());
  EXPECT_TRUE(At(*value, "s.b").is_null());
  EXPECT_EQ(TextAt(*value, "a"), R"({"b":3})");
}

TEST(JsonTextTest, AbsurdNumbersAreHeldInBounds) {
  auto value = ParseJson(R"({"a":1e300,"b":-1e300,"c":18446744073709551615,"d":-2.7})");
  EXPECT_EQ(WholeAt(*value, "a"), 10'000'000'000'000);
  EXPECT_EQ(WholeAt(*value, "b"), -10'000'000'000'000);
  EXPECT_EQ(WholeAt(*value, "c"), 10'000'000'000'000);
  EXPECT_EQ(WholeAt(*value, "d"), -2);
  EXPECT_EQ(WholeAt(*value, "none", 7), 7);
  for (Show show : {Show::kNumber, Show::kSeconds, Show::kMinutes, Show::kBytes, Show::kPercent}) {
    for (const char* name : {"a", "b", "c"})
      EXPECT_LT(Cell(*value, {"X", name, show}, WallTime()).size(), 40u);
  }
}

TEST(MomentTest, SpansDatesAndFullTimes) {
  WallTime now = *ParseRfc3339("2026-11-23T10:00:00Z");
  auto at = [&](const char* text, bool future = false) {
    auto moment = ParseMoment(text, now, future);
    return moment ? FormatRfc3339(*moment) : "wrong";
  };
  EXPECT_EQ(at("2h"), "2026-11-23T08:00:00.000Z");
  EXPECT_EQ(at("3d"), "2026-11-20T10:00:00.000Z");
  EXPECT_EQ(at("1w"), "2026-11-16T10:00:00.000Z");
  EXPECT_EQ(at("90s", true), "2026-11-23T10:01:30.000Z");
  EXPECT_EQ(at("+10m", true), "2026-11-23T10:10:00.000Z");
  EXPECT_EQ(at("2026-11-20"), "2026-11-20T00:00:00.000Z");
  EXPECT_EQ(at("2026-11-20T05:00:00+02:00"), "2026-11-20T03:00:00.000Z");
  for (const char* wrong : {"", "yesterday", "5", "d", "-2h", "2026-13-40"})
    EXPECT_EQ(at(wrong), "wrong") << wrong;
}

}  // namespace
}  // namespace forager::cli
