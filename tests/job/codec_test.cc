#include "job/codec.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

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

TEST(NewJob, NumbersOfTheFiltersStayAsTheyWereWritten) {
  const std::string filters = R"({"n":12345678901234567890123,"d":0.1000000000000000055,"z":1.10})";
  const std::string body = R"({"entity_type":"a","job_type":"b","search_filters": )" + filters;
  EXPECT_EQ(ParseNewJob(body + "}")->search_filters, filters);
  EXPECT_EQ(ParseNewJob(body + R"(,"location":"Austin"})")->search_filters,
            filters.substr(0, filters.size() - 1) + R"(,"location":"Austin"})");
  EXPECT_EQ((*ParseNewJobs(R"({"jobs":[)" + std::string(kMinimal) + "," + body + "}]}", 2))[1]
                .search_filters,
            filters);
  EXPECT_EQ(FirstWrong(R"({"entity_type":"a","job_type":"b","search_filters":{"x":0.)" +
                       std::string(1'001, '1') + "}}"),
            "search_filters");
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
