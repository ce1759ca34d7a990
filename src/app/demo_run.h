// The jobs of the demo: what they are, what must become of each, and the table that tells. A client
// of the public API; runs on a thread of its own.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "app/commands.h"
#include "cli/connection.h"

namespace forager::app {

class DemoRun {
 public:
  DemoRun(std::string url, std::string token, std::string site, const DemoOptions& options);

  // Submits the jobs, prints a line whenever one moves, then the table. At most two minutes, or as
  // long as the user's own page takes. False: a job was refused.
  bool Watch();
  void Abandon();  // from any thread
  bool AllAsExpected() const { return as_expected_; }

 private:
  struct Case {
    std::string what;    // in the table
    std::string body;    // of POST /jobs
    std::string status;  // that it must end with; "" = whatever
    std::string error_class;
    bool finds_changes = false;
    bool leaves_survivors = false;
    std::string job_id = {};
    std::string last_line = {};
    bool done = false;
  };
  bool Submit();
  void Look(Case& job);
  void PrintTable();
  bool Pause();

  cli::Connection server_;
  std::vector<Case> cases_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool abandoned_ = false;
  bool as_expected_ = false;
  std::chrono::seconds bound_;
};

}  // namespace forager::app
