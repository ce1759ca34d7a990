// Jobs, attempts, logs and changes as JSON: the shapes of the HTTP API, and the job an attempt
// reads.
#pragma once

#include <string>
#include <string_view>

#include "job/error.h"
#include "job/job.h"

namespace forager {

// A create body: a JSON object. Every wrong field is named; unknown members are refused with their
// name.
Result<NewJob> ParseNewJob(std::string_view json);
// {"jobs": [...]}, at most `max` of them; field names are "jobs[3].priority".
Result<std::vector<NewJob>> ParseNewJobs(std::string_view json, std::size_t max);

std::string WriteJob(const Job& job);
std::string WriteAttempt(const Attempt& attempt);
std::string WriteLogLine(const LogLine& line);
std::string WriteChange(const Change& change);
// A JSON string literal, with its quotes. Invalid UTF-8 becomes U+FFFD.
std::string WriteString(std::string_view text);
std::string ValidUtf8(std::string_view text);

// The job as its attempt sees it: WriteJob without the bookkeeping; read back by the worker.
std::string WriteAttemptJob(const Job& job);
Result<Job> ParseAttemptJob(std::string_view json);

// Host and port of a URL in lower case ("example.com:8080"), the lane of per-host limits; "" when
// none.
std::string HostOf(std::string_view url);

}  // namespace forager
