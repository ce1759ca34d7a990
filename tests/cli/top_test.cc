#include <gtest/gtest.h>

#include "cli/text.h"
#include "cli/top_view.h"

namespace forager::cli {
namespace {

using namespace std::chrono_literals;

const WallTime kNow = *ParseRfc3339("2026-11-23T10:00:00Z");

TopModel Busy() {
  TopModel model;
  model.server = "http://127.0.0.1:8080";
  model.version = "0.1.0";
  model.pending = 1'234'567;
  model.running = 3;
  model.completed = 999'999'999;
  model.mode = "on_request";
  model.max_running = 3;
  model.monitor_last = kNow - 28s;
  model.monitor_next = kNow + 272s;
  model.finished = {0, 5, 1, 0, 9};
  for (int i = 0; i < 40; ++i) {
    TopJob job;
    job.job_id = "JOB-1763918292-" + std::to_string(1'000'000'000 + i);
    job.entity_type = "community";
    job.job_type = "discovery";
    job.status = "running";
    job.stage = "fetching 日本語のページ and then some more words that do not fit";
    job.percent = 40;
    job.started_at = kNow - 80s;
    job.limit = 30min;
    model.jobs.push_back(job);
  }
  model.in_list = 40;
  return model;
}

std::string Joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

TEST(TopTest, FitsEveryScreen) {
  TopModel model = Busy();
  for (int columns : {1, 10, 40, 79, 80, 120, 300}) {
    for (int rows : {1, 2, 5, 8, 24, 60}) {
      for (bool detail : {false, true}) {
        model.detail = detail;
        model.detail_lines.assign(100, std::string(200, 'x'));
        auto lines = DrawTop(model, {columns, rows}, Style(false), true, kNow);
        EXPECT_LE(static_cast<int>(lines.size()), std::max(rows, 2)) << columns << "x" << rows;
        for (const std::string& line : lines) EXPECT_LE(Width(line), columns) << line;
      }
    }
  }
}

TEST(TopTest, ShowsWhatRunsAndHowLongItMay) {
  std::string text = Joined(DrawTop(Busy(), {80, 24}, Style(false), true, kNow));
  for (const char* words :
       {"1,234,567", "3 of 3 at once", "looked 28s ago", "15/min", "[1 running]",
        "> JOB-1763918292-1000000000", "80s/30m", "███░░░░░  40%", "q quit"}) {
    EXPECT_NE(text.find(words), text.npos) << words << "\n" << text;
  }
}

TEST(TopTest, TheChosenJobStaysInSight) {
  TopModel model = Busy();
  for (std::size_t chosen : {0u, 15u, 16u, 39u}) {
    model.selected = chosen;
    std::string text = Joined(DrawTop(model, {80, 24}, Style(false), true, kNow));
    EXPECT_NE(text.find("> " + model.jobs[chosen].job_id), text.npos) << chosen << "\n" << text;
  }
}

TEST(TopTest, ShoutsWhatIsWrong) {
  TopModel model = Busy();
  model.paused = true;
  model.stuck = 2;
  model.monitor_enabled = false;
  model.trouble = "connection refused";
  std::string text = Joined(DrawTop(model, {80, 24}, Style(false), false, kNow));
  for (const char* words : {"PAUSED", "2 STUCK", "monitor OFF", "no answer", "connection refused"})
    EXPECT_NE(text.find(words), text.npos) << words;
  EXPECT_EQ(text.find("█"), text.npos) << "a terminal without UTF-8 gets ASCII bars";
  model.stuck.reset();
  text = Joined(DrawTop(model, {80, 24}, Style(false), false, kNow));
  EXPECT_NE(text.find("stuck: unknown"), text.npos);
}

TEST(TopTest, ColoursOnlyWhenAllowed) {
  EXPECT_EQ(Joined(DrawTop(Busy(), {80, 24}, Style(false), true, kNow)).find('\x1b'),
            std::string::npos);
  EXPECT_NE(Joined(DrawTop(Busy(), {80, 24}, Style(true), true, kNow)).find('\x1b'),
            std::string::npos);
}

}  // namespace
}  // namespace forager::cli
