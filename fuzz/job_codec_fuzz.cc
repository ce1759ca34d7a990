// Any bytes as a create body or as an attempt's job; what is accepted must survive being written
// again.
#include <cstdlib>

#include "job/codec.h"

using namespace forager;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto job = ParseNewJob(text); job && job->search_filters) {
    const std::string filters =
        "{\"entity_type\":\"x\",\"job_type\":\"x\",\"search_filters\":" + *job->search_filters +
        "}";
    if (!ParseNewJob(filters)) std::abort();
  }
  (void)ParseNewJobs(text, 100);
  if (const auto job = ParseAttemptJob(text)) {
    const auto again = ParseAttemptJob(WriteAttemptJob(*job));
    if (!again || again->job_id != job->job_id || again->target_url != job->target_url)
      std::abort();
  }
  (void)HostOf(text);
  (void)WriteString(text);
  return 0;
}
