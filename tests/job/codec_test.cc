#include "job/codec.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "job/event.h"

namespace forager {
namespace {

constexpr const char* kMinimal = R"({"entity_type":"community","job_type":"discovery"})";

std::string FirstWrong(const std::string& body) {
  auto job = ParseNewJob(body);
  if (job) return "";
  return job.error().fields.empty() ? job.error().detail : job.error().fields[0].field;
}

TEST(NewJob, MinimalBodyIsEnough) {
  auto job = ParseNewJob(kMinimal);
  ASSERT_TRUE(job);
  EXPECT_EQ(job->entity_type, "community");
  EXPECT_FALSE(job->priority);
}

TEST(NewJob, EachWrongMemberIsNamed) {
  const std::pair<const char*, const char*> kCases[] = {
      {R"({"job_type":"x"})", "entity_type"},
      {R"({"entity_type":"A","job_type":"x"})", "entity_type"},
      {R"({"entity_type":5,"job_type":"x"})", "entity_type"},
      {R"({"entity_type":"a","job_type":""})", "job_type"},
      {R"({"entity_type":"a","job_type":"x","priority":11})", "priority"},
      {R"({"entity_type":"a","job_type":"x","priority":1.5})", "priority"},
      {R"({"entity_type":"a","job_type":"x","priority":"5"})", "priority"},
      {R"({"entity_type":"a","job_type":"x","max_attempts":0})", "max_attempts"},
      {R"({"entity_type":"a","job_type":"x","timeout_minutes":0.001})", "timeout_minutes"},
      {R"({"entity_type":"a","job_type":"x","timeout_minutes":1441})", "timeout_minutes"},
      {R"({"entity_type":"a","job_type":"x","target_url":"ftp://a/"})", "target_url"},
      {R"({"entity_type":"a","job_type":"x","target_url":"http://"})", "target_url"},
      {R"({"entity_type":"a","job_type":"x","run_at":"tomorrow"})", "run_at"},
      {R"({"entity_type":"a","job_type":"x","search_filters":[]})", "search_filters"},
      {R"({"entity_type":"a","job_type":"x","location":"A","search_filters":{"location":"B"}})",
       "location"},
      {R"({"entity_type":"a","job_type":"x","unique_key":""})", "unique_key"},
      {R"({"entity_type":"a","job_type":"x","stauts":"y"})", "stauts"},
  };
  for (const auto& [body, field] : kCases) EXPECT_EQ(FirstWrong(body), field) << body;
}

TEST(NewJob, BodyThatIsNotJsonIsMalformed) {
  for (auto body : {"", "{", "nul", "{\"a\":1}x", "{\"entity_type\":\"\xff\"}"}) {
    auto job = ParseNewJob(body);
    ASSERT_FALSE(job) << body;
    EXPECT_EQ(job.error().code, ErrorCode::kMalformed) << body;
  }
  EXPECT_EQ(ParseNewJob("[]").error().code, ErrorCode::kInvalid);
}

TEST(NewJob, NumbersBeyondADoubleAreMalformed) {
  auto job = ParseNewJob(R"({"entity_type":"a","job_type":"b","search_filters":{"x":[1e400]}})");
  ASSERT_FALSE(job);
  EXPECT_EQ(job.error().code, ErrorCode::kMalformed);
  EXPECT_FALSE(ParseEvent(R"({"type":"record","entity":{"x":-1e400}})"));
}

TEST(NewJob, DeepNestingIsRefusedNotRecursed) {
  std::string deep =
      R"({"entity_type":"a","job_type":"x","search_filters":{"a":)" + std::string(100'000, '[');
  EXPECT_EQ(ParseNewJob(deep).error().code, ErrorCode::kMalformed);
}

TEST(NewJob, LocationIsKeptInTheFiltersAndEchoedAtTheTop) {
  auto parsed = ParseNewJob(
      R"({"entity_type":"a","job_type":"x","location":"Austin","search_filters":{"beds":3}})");
  ASSERT_TRUE(parsed);
  Job job;
  job.search_filters = parsed->search_filters;
  auto shown = boost::json::parse(WriteJob(job)).as_object();
  EXPECT_EQ(shown["location"].as_string(), "Austin");
  EXPECT_EQ(shown["search_filters"].as_object()["beds"].as_int64(), 3);
  EXPECT_TRUE(shown["builder_id"].is_null());
}

TEST(NewJobs, WrongOneIsNamedByItsPlace) {
  auto jobs =
      ParseNewJobs(R"({"jobs":[{"entity_type":"a","job_type":"x"},{"entity_type":"a"}]})", 10);
  ASSERT_FALSE(jobs);
  EXPECT_EQ(jobs.error().fields[0].field, "jobs[1].job_type");
  EXPECT_FALSE(ParseNewJobs(R"({"jobs":[]})", 10));
  EXPECT_FALSE(ParseNewJobs(R"({"jobs":[{},{}]})", 1));
}

TEST(WriteJob, HandEditedJsonColumnIsShownAsNull) {
  Job job;
  job.search_filters = "{not json";
  EXPECT_TRUE(boost::json::parse(WriteJob(job)).as_object()["search_filters"].is_null());
}

TEST(AttemptJob, GoesThereAndBack) {
  Job job;
  job.job_id = "JOB-1-0123456789";
  job.entity_type = "selftest";
  job.job_type = "ok";
  job.target_url = "http://example.com/";
  job.search_filters = R"({"ms":5})";
  job.attempt = 3;
  auto read = ParseAttemptJob(WriteAttemptJob(job));
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(read->job_id, job.job_id);
  EXPECT_EQ(read->search_filters, job.search_filters);
  EXPECT_EQ(read->attempt, 3);
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
    auto read = ParseEvent(std::string_view(line).substr(0, line.size() - 1));
    ASSERT_TRUE(read) << line << read.error().detail;
    EXPECT_EQ(WriteEvent(*read), line);
  }
}

TEST(Event, AWaitKeepsItsMilliseconds) {
  auto event = ParseEvent(R"({"type":"result","status":"failed","retry_after":8280.444})");
  ASSERT_TRUE(event);
  EXPECT_EQ(std::get<ResultEvent>(*event).retry_after, Millis(8'280'444));
}

TEST(Event, OtherOutputIsNotAnEvent) {
  for (auto line :
       {"", "hello", "[1]", "{", R"({"type":"dance"})", R"({"type":"record"})",
        R"({"type":"result","status":"maybe"})", R"({"type":"job","entity_type":"UP"})"}) {
    EXPECT_FALSE(ParseEvent(line)) << line;
  }
}

TEST(ValidUtf8, BrokenBytesBecomeReplacementCharacters) {
  EXPECT_EQ(ValidUtf8("caf\xC3\xA9"), "caf\xC3\xA9");
  EXPECT_EQ(ValidUtf8("\xFF"
                      "a"),
            "\xEF\xBF\xBD"
            "a");
  EXPECT_EQ(ValidUtf8("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST(HostOf, IsLowerCaseWithItsPort) {
  EXPECT_EQ(HostOf("http://Example.COM:8080/a"), "example.com:8080");
  EXPECT_EQ(HostOf("https://example.com/"), "example.com");
  EXPECT_EQ(HostOf("not a url"), "");
}

}  // namespace
}  // namespace forager
