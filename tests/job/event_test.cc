#include "job/event.h"

#include <gtest/gtest.h>

#include "job/loose_json.h"

namespace forager {
namespace {

template <typename T>
T Read(std::string_view line) {
  auto parsed = ParseEvent(line);
  EXPECT_TRUE(parsed.event && std::holds_alternative<T>(*parsed.event)) << line;
  return parsed.event && std::holds_alternative<T>(*parsed.event) ? std::get<T>(*parsed.event)
                                                                  : T{};
}

std::string Record(std::string_view entity) {
  return R"({"type":"record","entity":)" + std::string(entity) + "}";
}

TEST(Event, EveryKindGoesThereAndBack) {
  RecordEvent record{R"({"name":"Willow Bend"})", 0.9, "community", "http://example.com/",
                     R"({"quote":"Willow Bend"})"};
  ResultEvent result;
  result.error = "HTTP 429";
  result.error_class = ErrorClass::kTransient;
  result.retry_after = Millis{60'000};
  ProgressEvent progress;
  progress.percent = 40;
  progress.stage = "parsing";
  LogEvent log;
  log.message = "found \"two\"\n";
  log.data = R"({"n":2})";
  ChildJobEvent child;
  child.job.entity_type = "builder";
  child.job.job_type = "discovery";
  for (const Event& event : {Event(HeartbeatEvent{}), Event(progress), Event(log), Event(record),
                             Event(child), Event(result)}) {
    std::string line = WriteEvent(event);
    ASSERT_TRUE(line.ends_with('\n'));
    auto read = ParseEvent(line);
    ASSERT_TRUE(read.event) << line;
    EXPECT_TRUE(read.problems.empty()) << line << read.problems[0];
    EXPECT_EQ(WriteEvent(*read.event), line);
  }
}

TEST(Event, AWaitKeepsItsMilliseconds) {
  auto result = Read<ResultEvent>(R"({"type":"result","status":"failed","retry_after":8280.444})");
  EXPECT_EQ(result.retry_after, Millis(8'280'444));
}

TEST(Event, OtherOutputIsNotAnEvent) {
  for (auto line : {"", "hello", "[1]", "{", "{broken", R"({"type":"dance"})", R"({"type":5})",
                    R"({"a":{"type":"result"}})", R"({"a":{"type":"result"}} x)",
                    "{'type': 'dance'}", R"(INFO {"type":"result","status":"failed"})"}) {
    EXPECT_FALSE(ParseEvent(line).meant()) << line;
  }
}

TEST(Event, NumbersStayAsTheyAreWritten) {
  for (auto number : {"12345678901234567890", "-98765432109876543210.5", "0.1000000000000000055",
                      "1e400", "1.10", "1E5", "-0", "0.0", "100"}) {
    std::string entity = R"({"n":)" + std::string(number) + R"(,"list":[)" + number + "]}";
    EXPECT_EQ(Read<RecordEvent>(Record(entity)).entity, entity);
    EXPECT_EQ(Read<LogEvent>(R"({"type":"log","data":)" + entity + "}").data, entity);
    RecordEvent record;
    record.entity = entity;
    EXPECT_EQ(Read<RecordEvent>(WriteEvent(record)).entity, entity);
  }
  auto child = Read<ChildJobEvent>(
      R"({"type":"job","entity_type":"a","job_type":"b","search_filters":{"x":1.10,"y":98765432109876543210}})");
  EXPECT_EQ(child.job.search_filters, R"({"x":1.10,"y":98765432109876543210})");
}

TEST(Event, WhatHasOneMeaningIsMended) {
  const std::tuple<std::string, std::string, unsigned> kCases[] = {
      {"{\"name\":\"caf\xe9\"}", "{\"name\":\"caf\xEF\xBF\xBD\"}", kMendedBytes},
      {R"({"name":"caf\udce9"})", "{\"name\":\"caf\xEF\xBF\xBD\"}", kMendedSurrogates},
      {R"({"name":"\ud83d"})", "{\"name\":\"\xEF\xBF\xBD\"}", kMendedSurrogates},
      {R"({"name":"\ud83dx\ude00"})", "{\"name\":\"\xEF\xBF\xBDx\xEF\xBF\xBD\"}",
       kMendedSurrogates},
      {R"({"name":"\ud83d\ude00 \u00e9"})", "{\"name\":\"\xF0\x9F\x98\x80 \xC3\xA9\"}", 0},
      {R"({"a":NaN,"b":[Infinity,-Infinity]})", R"({"a":null,"b":[null,null]})", kMendedNumbers},
      {R"({"a":nan,"b":1e99999})", R"({"a":null,"b":null})", kMendedNumbers},
      {"{\"a\":\"x\ty\"}", R"({"a":"x\ty"})", kMendedControls},
      {R"({"a":[1,2,],"b":{},})", R"({"a":[1,2],"b":{}})", kMendedCommas},
      {R"("{\"a\":1}")", R"({"a":1})", 0},
      {"{ \"a\" : [ ] , \"b\" : { } }", R"({"a":[],"b":{}})", 0},
  };
  for (const auto& [entity, wanted, mended] : kCases) {
    auto parsed = ParseEvent(Record(entity));
    ASSERT_TRUE(parsed.event) << entity << (parsed.problems.empty() ? "" : parsed.problems[0]);
    EXPECT_EQ(std::get<RecordEvent>(*parsed.event).entity, wanted);
    EXPECT_EQ(parsed.mended, mended) << entity;
    EXPECT_TRUE(parsed.problems.empty()) << parsed.problems[0];
  }
  EXPECT_TRUE(ParseEvent("\xEF\xBB\xBF {\"type\":\"heartbeat\"}").event) << "a byte order mark";
  EXPECT_TRUE(ParseEvent(R"({"type":"Heartbeat"})").event);
}

TEST(Event, MembersMayComeAsStrings) {
  auto progress = ParseEvent(R"({"type":"progress","percent":"40%","bytes":"12","stage":7})");
  EXPECT_TRUE(progress.problems.empty());
  EXPECT_EQ(std::get<ProgressEvent>(*progress.event).percent, 40);
  EXPECT_EQ(std::get<ProgressEvent>(*progress.event).bytes, 12);
  EXPECT_EQ(std::get<ProgressEvent>(*progress.event).stage, "7");
  EXPECT_EQ(Read<RecordEvent>(R"({"type":"record","entity":{},"confidence":"0.9"})").confidence,
            0.9);
  auto result = Read<ResultEvent>(
      R"({"type":"result","status":"Failed","retryable":"true","retry_after":"60","error":{"code":5}})");
  EXPECT_EQ(result.error_class, ErrorClass::kTransient);
  EXPECT_EQ(result.retry_after, Millis{60'000});
  EXPECT_EQ(result.error, R"({"code":5})");
  EXPECT_EQ(Read<LogEvent>(R"({"type":"log","level":"critical","message":"x"})").level,
            LogLevel::kError);
  auto child = Read<ChildJobEvent>(
      R"({"type":"job","entity_type":"a","job_type":"b","priority":"7","entity_id":12,"search_filters":"{\"a\":1.50}"})");
  EXPECT_EQ(child.job.priority, 7);
  EXPECT_EQ(child.job.entity_id, "12");
  EXPECT_EQ(child.job.search_filters, R"({"a":1.50})");
}

TEST(Event, WhatFailureMeansIsFailureAndWhatCannotBeUnderstoodIsOneToo) {
  for (auto status : {"completed", "Completed", "OK", "success", "done", "finished"}) {
    auto parsed = ParseEvent(R"({"type":"result","status":")" + std::string(status) + "\"}");
    EXPECT_TRUE(std::get<ResultEvent>(*parsed.event).completed) << status;
    EXPECT_TRUE(parsed.problems.empty()) << status;
  }
  for (auto status : {"failed", "FAILED", "error", "Failure", "fatal"}) {
    auto parsed = ParseEvent(R"({"type":"result","status":")" + std::string(status) + "\"}");
    EXPECT_FALSE(std::get<ResultEvent>(*parsed.event).completed) << status;
    EXPECT_FALSE(parsed.unreadable_result) << status;
  }
  const std::string kUnread[] = {
      R"({"type":"result"})",
      R"({"type":"result","status":"maybe"})",
      R"({"type":"result","status":true})",
      R"({"type":"result","status":null})",
      R"({"type":"result","status":"completed")",
      R"({"type":"result","status":completed})",
      R"({'type': 'result', 'status': 'completed'})",
      R"({ type: 'result', status: 'completed' })",
      R"({"status":"completed" "type":"result"})",
      R"({"type":"result","status":"comp)",
      R"({"type":"result","status":"completed","x":)" + std::string(40, '[')};
  for (const std::string& line : kUnread) {
    auto parsed = ParseEvent(line);
    ASSERT_TRUE(parsed.unreadable_result) << line;
    const auto& result = std::get<ResultEvent>(*parsed.event);
    EXPECT_FALSE(result.completed);
    EXPECT_EQ(result.error_class, ErrorClass::kInvalid);
    EXPECT_NE(result.error.find("could not be read"), std::string::npos) << result.error;
    EXPECT_NE(result.error.find(line.substr(0, 20)), std::string::npos) << result.error;
  }
}

TEST(Event, WhatIsMeantAndCannotBeReadIsToldWithItsReason) {
  const std::pair<std::string, std::string> kCases[] = {
      {R"({"type":"record"})", "it needs an entity"},
      {R"({"type":"record","entity":7})", "it"},
      {R"({"type":"record","entity":{"a":1})", "it ends too early"},
      {R"({"type":"record","entity":{"a":undefined}})", "\"undefined\" is no JSON value"},
      {R"({'type': 'record', 'entity': {'a': None}})", "double quotes"},
      {R"({"entity":{"a":oops},"type":"record"})", "\"oops\""},
      {R"({"type":"job","entity_type":"Bad Type","job_type":"x"})", "entity_type"},
      {R"({"type":"job","entity_type":"a","job_type":"x","colour":1})", "colour"},
      {R"({"type":"progress","percent":5)", "it ends too early"},
  };
  for (const auto& [line, why] : kCases) {
    auto parsed = ParseEvent(line);
    EXPECT_FALSE(parsed.event) << line;
    ASSERT_FALSE(parsed.problems.empty()) << line;
    EXPECT_NE(parsed.problems[0].find(why), std::string::npos) << parsed.problems[0];
  }
}

TEST(Event, AWrongMemberIsLeftOutAndTold) {
  const std::pair<std::string, std::string> kCases[] = {
      {R"({"type":"progress","percent":"half","stage":"x"})", "percent"},
      {R"({"type":"progress","percent":[1]})", "percent"},
      {R"({"type":"progress","percent":130})", "percent"},
      {R"({"type":"record","entity":{},"confidence":90})", "confidence"},
      {R"({"type":"record","entity":{},"evidence":[1]})", "evidence"},
      {R"({"type":"record","entity":{},"entity_type":"Not A Type"})", "entity_type"},
      {R"({"type":"result","status":"failed","retryable":"perhaps"})", "retryable"},
      {R"({"type":"result","status":"failed","retry_after":"soon"})", "retry_after"},
      {R"({"type":"result","status":"failed","error_class":"interrupted"})", "error_class"},
      {R"({"type":"result","status":"failed","error_class":"odd"})", "error_class"},
  };
  for (const auto& [line, member] : kCases) {
    auto parsed = ParseEvent(line);
    EXPECT_TRUE(parsed.event) << line;
    ASSERT_EQ(parsed.problems.size(), 1U) << line;
    EXPECT_NE(parsed.problems[0].find(member), std::string::npos) << parsed.problems[0];
  }
  EXPECT_EQ(Read<ProgressEvent>(R"({"type":"progress","percent":130})").percent, 100);
}

TEST(Event, ACollectorMayNotClaimTheServersOwnClasses) {
  for (auto name : {"interrupted", "node_lost", "heartbeat_lost", "stalled", "timed_out", "reset",
                    "unknown_entity_type"}) {
    std::string line = R"({"type":"result","status":"failed","error_class":")" + std::string(name);
    EXPECT_EQ(Read<ResultEvent>(line + "\"}").error_class, ErrorClass::kPermanent) << name;
    EXPECT_EQ(Read<ResultEvent>(line + R"(","retryable":true})").error_class,
              ErrorClass::kTransient);
  }
  for (auto name : {"transient", "permanent", "invalid", "missing_api_key", "budget_exceeded",
                    "unmet_expectation"}) {
    std::string line = R"({"type":"result","status":"failed","error_class":")" + std::string(name);
    EXPECT_EQ(Name(Read<ResultEvent>(line + "\"}").error_class), name);
  }
  EXPECT_TRUE(MayClaim(ErrorClass::kCrashed, true));
  EXPECT_FALSE(MayClaim(ErrorClass::kCrashed, false));
}

TEST(Event, TwoOnOneLineAreTwo) {
  std::string_view line = R"({"type":"heartbeat"}{"type":"log","message":"x"} and more)";
  auto first = ParseEvent(line);
  ASSERT_TRUE(first.event);
  auto second = ParseEvent(first.rest);
  ASSERT_TRUE(second.event && std::holds_alternative<LogEvent>(*second.event));
  EXPECT_EQ(second.rest, "and more");
}

TEST(Event, ALineThatIsTooLongNamesItsKind) {
  std::string text(300, 'x');
  auto result =
      ParseTooLong(R"({"type":"result","status":"completed","note":")" + text, "xx\"}", 1'200'000);
  ASSERT_TRUE(result.unreadable_result);
  EXPECT_NE(std::get<ResultEvent>(*result.event).error.find("1200000 bytes"), std::string::npos);
  auto record =
      ParseTooLong(R"({"entity":{"about":")" + text, R"(x"},"type":"record"})", 1'200'000);
  EXPECT_FALSE(record.event);
  EXPECT_EQ(record.problems.size(), 1U);
  EXPECT_FALSE(ParseTooLong(R"({"a":")" + text, "xx\"}", 1'200'000).meant());
}

TEST(Event, LongTextsAreCutBetweenCharacters) {
  std::string stage;
  for (int i = 0; i < 60; ++i) stage += "\xE5\x90\x8D";
  auto progress = Read<ProgressEvent>(R"({"type":"progress","stage":")" + stage + "\"}");
  EXPECT_LE(progress.stage->size(), 100U);
  EXPECT_TRUE(progress.stage->ends_with("\xE5\x90\x8D\xE2\x80\xA6")) << *progress.stage;
}

TEST(Event, WhatIsWrittenCanBeReadBack) {
  RecordEvent huge;
  huge.entity = R"({"about":")" + std::string(2 << 20, 'y') + "\"}";
  EXPECT_EQ(Read<LogEvent>(WriteEvent(huge)).level, LogLevel::kWarning);
  RecordEvent odd;
  odd.entity = R"({"price":nan})";
  EXPECT_EQ(Read<RecordEvent>(WriteEvent(odd)).entity, R"({"price":null})");
  odd.entity = "no JSON";
  EXPECT_EQ(Read<LogEvent>(WriteEvent(odd)).level, LogLevel::kWarning);
  ResultEvent result;
  result.error = std::string(3 << 20, 'z');
  result.error.push_back('\xff');
  EXPECT_LT(WriteEvent(result).size(), kMaxEventLine);
  EXPECT_FALSE(Read<ResultEvent>(WriteEvent(result)).completed);
}

}  // namespace
}  // namespace forager
