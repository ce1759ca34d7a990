// What `forager top` shows, as lines of text for a screen of any size: pure, so that tests can look
// at every line of it.
#pragma once

#include <chrono>
#include <deque>
#include <string>
#include <vector>

#include "cli/terminal.h"
#include "job/time.h"

namespace forager::cli {

struct TopJob {
  std::string job_id, entity_type, job_type, status, stage, about;
  double percent = -1;  // < 0: not known
  int attempt = 0;
  std::optional<WallTime> created_at, started_at, completed_at, run_at;
  std::optional<Millis> limit;  // how long it may run
};

enum class TopList { kRunning, kPending, kFailed, kNewest };
std::string_view Title(TopList list);

struct TopModel {
  std::string server, version;
  std::string trouble;  // why the server does not answer; "" while it does
  std::string message;  // of the last key, or a question
  std::int64_t total = 0, pending = 0, running = 0, completed = 0, failed = 0, cancelled = 0;
  std::optional<double> stuck;  // none: the server does not know
  std::string mode;
  int max_running = 0;
  bool paused = false, monitor_enabled = true;
  std::string paused_types, monitor_error;
  std::optional<WallTime> monitor_last, monitor_next;
  std::deque<std::int64_t> finished;  // per second, the newest last

  TopList list = TopList::kRunning;
  std::vector<TopJob> jobs;
  std::int64_t in_list = 0;  // of which `jobs` are the first
  std::size_t selected = 0;
  // One job's own page: these lines instead of the list.
  bool detail = false, help = false;
  std::vector<std::string> detail_lines;
};

// Rows of the list that fit.
int TopRows(ScreenSize size);
// At most `size.rows` lines of at most `size.columns` cells.
std::vector<std::string> DrawTop(const TopModel& model, ScreenSize size, const Style& style,
                                 bool utf8, WallTime now);

}  // namespace forager::cli
