#include "scheduler/waiting_news.h"

#include <fmt/format.h>

namespace forager::scheduler {
namespace {

constexpr std::size_t kNamed = 10;   // refused child jobs, by name
constexpr std::size_t kFixed = 256;  // of a line, a change or a child job, beside its texts

std::size_t SizeOf(const std::optional<std::string>& text) { return text ? text->size() : 0; }

std::string Words(const NewJob& child) {
  return fmt::format("{}/{}{}", child.entity_type, child.job_type,
                     child.target_url ? " " + *child.target_url : "");
}

}  // namespace

std::size_t SizeOf(const LogLine& line) {
  return kFixed + line.message.size() + SizeOf(line.log_data) + SizeOf(line.stage);
}

std::size_t SizeOf(const Change& change) {
  return 2 * kFixed + change.entity_type.size() + SizeOf(change.entity_id) +
         SizeOf(change.proposed_entity_data) + SizeOf(change.field_name) +
         SizeOf(change.old_value) + SizeOf(change.new_value) + SizeOf(change.source_url) +
         SizeOf(change.evidence);
}

std::size_t SizeOf(const NewJob& job) {
  return 2 * kFixed + job.entity_type.size() + job.job_type.size() + SizeOf(job.entity_id) +
         SizeOf(job.search_query) + SizeOf(job.target_url) + SizeOf(job.search_filters) +
         SizeOf(job.initiated_by) + SizeOf(job.unique_key);
}

void ForgetNews(store::AttemptNews& news) {
  AttemptRef ref = news.ref;
  news = store::AttemptNews();
  news.ref = std::move(ref);
}

std::vector<LogLine> RefusedChildren(const AttemptRef& ref, const std::vector<NewJob>& children,
                                     const std::string& why, WallTime now) {
  std::vector<LogLine> lines;
  for (const NewJob& child : children) {
    bool named = lines.size() < kNamed;
    lines.push_back({0,
                     now,
                     ref.attempt,
                     LogLevel::kWarning,
                     "forager",
                     named
                         ? fmt::format("Child job refused: {}: {}", Words(child), why)
                         : fmt::format("{} more child jobs were refused", children.size() - kNamed),
                     {}});
    if (!named) break;
  }
  return lines;
}

}  // namespace forager::scheduler
