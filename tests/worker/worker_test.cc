#include "worker/worker.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

#include "job/codec.h"
#include "os/descriptor.h"

namespace forager::worker {
namespace {

// What an attempt says when `input` is its input.
std::vector<Event> Say(const std::string& collector, const std::string& input) {
  int in[2], out[2];
  EXPECT_EQ(pipe2(in, O_CLOEXEC), 0);
  EXPECT_EQ(pipe2(out, O_CLOEXEC), 0);
  std::jthread writer([&] {
    os::Descriptor end(in[1]);
    EXPECT_EQ(write(in[1], input.data(), input.size()), static_cast<ssize_t>(input.size()));
  });
  std::string said;
  std::jthread reader([&] {
    char part[4096];
    for (ssize_t got; (got = read(out[0], part, sizeof part)) > 0;)
      said.append(part, static_cast<std::size_t>(got));
    close(out[0]);
  });
  EXPECT_EQ(RunAttempt(collector, in[0], out[1]), 0);
  close(out[1]);
  writer.join();
  reader.join();
  std::vector<Event> events;
  for (std::size_t at = 0, end; (end = said.find('\n', at)) != std::string::npos; at = end + 1) {
    auto event = ParseEvent(said.substr(at, end - at));
    EXPECT_TRUE(event.event) << said.substr(at, end - at);
    if (event.event) events.push_back(*event.event);
  }
  return events;
}

std::vector<Event> SelfTest(const std::string& job_type, const std::string& filters = "{}",
                            int attempt = 1) {
  Job job;
  job.job_id = "JOB-1-AAAAAAAAAA";
  job.entity_type = "selftest";
  job.job_type = job_type;
  job.search_filters = filters;
  job.attempt = attempt;
  return Say("selftest",
             R"({"job":)" + WriteAttemptJob(job) + R"(,"settings":{"user_agent":"test"}})" + "\n");
}

ResultEvent Result(const std::vector<Event>& events) {
  if (events.empty() || !std::holds_alternative<ResultEvent>(events.back())) {
    ADD_FAILURE() << "no result";
    return {};
  }
  return std::get<ResultEvent>(events.back());
}

TEST(Worker, SaysWhatTheCollectorFoundAndThenItsResult) {
  auto events = SelfTest("records", R"({"records": 3})");
  ASSERT_EQ(events.size(), 4u);
  EXPECT_TRUE(std::holds_alternative<RecordEvent>(events[0]));
  EXPECT_TRUE(Result(events).completed);
}

TEST(Worker, TicksWhileItWorks) {
  auto events = SelfTest("ok", R"({"ms": 250})");
  EXPECT_GE(events.size(), 3u);
  EXPECT_EQ(std::get<ProgressEvent>(events[events.size() - 2]).percent, 100);
}

TEST(Worker, AnExceptionIsAPermanentFailureInItsOwnWords) {
  ResultEvent result = Result(SelfTest("throw"));
  EXPECT_FALSE(result.completed);
  EXPECT_EQ(result.error_class, ErrorClass::kPermanent);
  EXPECT_EQ(result.error, "The self-test was asked to throw");
}

TEST(Worker, ATransientFailureEndsWithTheAttemptThatWasOrdered) {
  EXPECT_EQ(Result(SelfTest("transient", R"({"times": 2})", 2)).error_class,
            ErrorClass::kTransient);
  EXPECT_TRUE(Result(SelfTest("transient", R"({"times": 2})", 3)).completed);
}

TEST(Worker, WhatCannotBeDoneIsInvalid) {
  EXPECT_EQ(Result(SelfTest("dance")).error, "The self-test has no job_type \"dance\"");
  EXPECT_EQ(Result(SelfTest("ok", R"({"ms": "soon"})")).error_class, ErrorClass::kInvalid);
  EXPECT_EQ(Result(SelfTest("ok", R"({"ms": -1})")).error,
            "search_filters.ms must be a number from 0 to 86400000");
  EXPECT_EQ(Result(Say("nobody", "{}\n")).error, "There is no collector \"nobody\"");
}

TEST(Worker, AnUnreadableJobIsInvalid) {
  for (const char* input : {"", "\n", "{", "[]\n", "{\"settings\":{}}\n", "{\"job\":7}\n"}) {
    EXPECT_EQ(Result(Say("selftest", input)).error_class, ErrorClass::kInvalid) << input;
  }
}

}  // namespace
}  // namespace forager::worker
