// The attempt's side: runs one built-in collector in the process of one attempt. Reads its job, and
// answers of the server, from a descriptor, writes events to another; never sees the store.
#pragma once

#include <map>
#include <string>

#include "job/event.h"
#include "job/job.h"

namespace forager::worker {

// What a collector says goes out here, one whole line per call, from the loop that does the work.
// A broken pipe ends the process.
class EventWriter {
 public:
  explicit EventWriter(int fd) : fd_(fd) {}
  void Write(const Event& event);

 private:
  int fd_;
};

// Loads what every attempt needs (curl, ICU, the CA store) once, in the keeper, before any fork.
void Warm();

// Runs collector `name` for the job read from `in_fd`, and returns the exit code of the process.
int RunAttempt(const std::string& collector, int in_fd, int out_fd);

}  // namespace forager::worker
