#include "app/demo_run.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <boost/json.hpp>
#include <cstdio>

#include "job/job.h"
#include "os/clock.h"

namespace forager::app {
namespace {

namespace json = boost::json;

constexpr const char* kJobs = "/jobs";
constexpr std::chrono::milliseconds kPause{200};

std::string SelfTest(const std::string& job_type, json::object filters = {}) {
  return json::serialize(json::object{
      {"entity_type", "selftest"}, {"job_type", job_type}, {"search_filters", std::move(filters)}});
}

std::string Page(const std::string& entity_type, const std::string& url) {
  return json::serialize(
      json::object{{"entity_type", entity_type}, {"job_type", "discovery"}, {"target_url", url}});
}

json::object Parse(const Result<std::string>& text) {
  json::error_code error;
  json::value value = text ? json::parse(*text, error) : json::value{};
  return !error && value.is_object() ? value.get_object() : json::object{};
}

std::string Text(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (!value || value->is_null()) return "";
  return value->is_string() ? std::string(value->get_string()) : json::serialize(*value);
}

double SecondsBetween(const std::string& from, const std::string& to) {
  auto start = ParseRfc3339(from), end = ParseRfc3339(to);
  return start && end ? static_cast<double>((*end - *start).count()) / 1'000.0 : 0;
}

std::string NoticedBy(const json::object& attempt) {
  std::string outcome = Text(attempt, "outcome");
  if (outcome == "stalled") return "progress clock";
  if (outcome == "heartbeat_lost") return "heartbeat clock";
  if (outcome == "timed_out") return "deadline";
  return "process exit";
}

std::string WhatHappened(const json::object& job, const json::object& attempt) {
  std::string text = Text(job, "status");
  if (std::string survivors = Text(attempt, "survivors"); !survivors.empty() && survivors != "0") {
    text += fmt::format("; {} left-over process(es) killed", survivors);
  }
  if (std::string error = Text(job, "error_message"); !error.empty()) text += "; " + error;
  return text.size() > 62 ? text.substr(0, 59) + "..." : text;
}

}  // namespace

DemoRun::DemoRun(std::string url, std::string token, std::string site, const DemoOptions& options)
    : server_{std::move(url), std::move(token)}, bound_(options.url.empty() ? 120 : 3'600) {
  if (!options.url.empty()) {
    cases_.push_back(
        {options.url, Page(options.entity_type, options.url), "completed", "", true, false});
    return;
  }
  cases_ = {
      {"a community's page", Page("community", site + "/communities/willow-bend"), "completed", "",
       true, false},
      {"a home's page", Page("property", site + "/homes/plan-2140"), "completed", "", true, false},
      {"a page that never answers", Page("community", site + "/never"), "failed", "stalled", false,
       false},
      {"a collector that segfaults", SelfTest("segfault"), "failed", "crashed", false, false},
      {"a job that stalls at 10%", SelfTest("stall"), "failed", "stalled", false, false},
      {"a job that leaves a daemon", SelfTest("tree", {{"ms", 500}}), "completed", "", false, true},
  };
}

void DemoRun::Abandon() {
  std::lock_guard lock(mutex_);
  abandoned_ = true;
  wake_.notify_all();
}

bool DemoRun::Pause() {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, kPause, [this] { return abandoned_; });
}

bool DemoRun::Submit() {
  for (Case& job : cases_) {
    auto answer = server_.Call("POST", kJobs, job.body);
    if (!answer) {
      fmt::print("the job was refused: {}\n", answer.error().detail);
      return false;
    }
    job.job_id = Text(Parse(answer), "job_id");
    fmt::print("{}  {}\n", job.job_id, job.what);
  }
  fmt::print("\n");
  return true;
}

void DemoRun::Look(Case& job) {
  json::object now = Parse(server_.Call("GET", fmt::format("{}/{}", kJobs, job.job_id)));
  std::string status = Text(now, "status");
  const json::value* progress = now.if_contains("progress");
  json::object moved = progress && progress->is_object() ? progress->get_object() : json::object{};
  std::string percent = Text(moved, "percent");
  std::string line =
      fmt::format("{:<28} attempt {}  {:<10} {:>4}  {}", job.what, Text(now, "attempt"), status,
                  percent.empty() ? "" : fmt::format("{:.0f}%", std::atof(percent.c_str())),
                  Text(moved, "stage"));
  if (status == "pending" && !Text(now, "error_message").empty())
    line += "; waits for its retry: " + Text(now, "error_message");
  if (line != job.last_line) {
    fmt::print("{:%H:%M:%S} {}\n",
               fmt::gmtime(std::chrono::system_clock::to_time_t(os::SystemClock().Now())), line);
    std::fflush(stdout);
  }
  job.last_line = line;
  if (status != "completed" && status != "failed" && status != "cancelled") return;
  json::object attempts =
      Parse(server_.Call("GET", fmt::format("{}/{}/attempts", kJobs, job.job_id)));
  const json::value* list = attempts.if_contains("attempts");
  bool ended = list && list->is_array() && !list->get_array().empty();
  job.done = ended && !Text(list->get_array().back().get_object(), "released_at").empty();
}

bool DemoRun::Watch() {
  if (!Submit()) return false;
  auto until = os::SystemClock().SteadyNow() + bound_;
  bool all_done = false;
  while (!all_done && os::SystemClock().SteadyNow() < until && Pause()) {
    all_done = true;
    for (Case& job : cases_) {
      if (!job.done) Look(job);
      all_done = all_done && job.done;
    }
  }
  PrintTable();
  return true;
}

void DemoRun::PrintTable() {
  fmt::print("\n{:<27} {:<62} {:<15} {:>10} {:>7} {:>7}  {}\n", "JOB", "WHAT HAPPENED",
             "NOTICED BY", "FREE AFTER", "RETRIES", "CHANGES", "AS IT MUST");
  as_expected_ = true;
  for (const Case& job : cases_) {
    json::object now = Parse(server_.Call("GET", fmt::format("{}/{}", kJobs, job.job_id)));
    json::object answer =
        Parse(server_.Call("GET", fmt::format("{}/{}/attempts", kJobs, job.job_id)));
    json::array attempts = answer.contains("attempts") && answer["attempts"].is_array()
                               ? answer["attempts"].get_array()
                               : json::array{};
    json::object last = attempts.empty() ? json::object{} : attempts.back().get_object();
    bool changed = std::atoi(Text(now, "changes_detected").c_str()) > 0;
    bool survived = std::atoi(Text(last, "survivors").c_str()) > 0;
    bool good = job.done && Text(now, "status") == job.status &&
                (job.error_class.empty() || Text(now, "error_class") == job.error_class) &&
                changed == job.finds_changes && survived == job.leaves_survivors;
    as_expected_ = as_expected_ && good;
    fmt::print("{:<27} {:<62} {:<15} {:>9.1f}s {:>7} {:>7}  {}\n", job.what,
               WhatHappened(now, last), NoticedBy(last),
               SecondsBetween(Text(last, "started_at"), Text(last, "released_at")),
               attempts.empty() ? 0 : attempts.size() - 1, Text(now, "changes_detected"),
               good ? "yes" : "NO");
  }
  std::fflush(stdout);
}

}  // namespace forager::app
