// The collector "web": robots.txt, fetch, parse, records of the job's entity type.
#include "collectors/collector.h"
#include "collectors/extract.h"
#include "collectors/polite_fetch.h"
#include "os/clock.h"

namespace forager::collectors {
namespace {

// Tells the server that the loop lives, and of bytes only when there are more of them.
class Pulse {
 public:
  explicit Pulse(const Context& context) : context_(context) {}

  void operator()(std::int64_t bytes) {
    const os::Steady now = os::SystemClock().SteadyNow();
    if (now < next_) return;
    next_ = now + kInterval;
    if (bytes > told_) {
      told_ = bytes;
      ProgressEvent progress;
      progress.bytes = bytes;
      context_.say(progress);
    } else {
      context_.say(HeartbeatEvent{});
    }
  }

 private:
  static constexpr Millis kInterval{500};
  const Context& context_;
  os::Steady next_{};
  std::int64_t told_ = 0;
};

void Stage(const Context& context, double percent, const char* stage, const std::string& message,
           const Url& url) {
  context.say(ProgressEvent{percent, stage, message, url.text, {}});
}

ResultEvent Failed(const FetchFailure& failure) {
  return {false, failure.message, failure.error_class, failure.retry_after};
}

ResultEvent Invalid(const std::string& why) { return {false, why, ErrorClass::kInvalid, {}}; }

}  // namespace

ResultEvent CollectWeb(const Context& context) {
  const Job& job = context.job;
  if (!job.target_url || job.target_url->empty()) {
    return Invalid("target_url: the web collector needs the address of a page");
  }
  const auto url = ParseUrl(*job.target_url);
  if (!url) return Invalid("target_url: " + url.error().detail);
  if (url->had_credentials)
    return Invalid("target_url: a user name or password does not belong into the URL");

  FetcherOptions options = OptionsFrom(context.settings);
  options.alive = Pulse(context);
  PoliteFetcher fetcher(std::move(options), context.turn);
  Stage(context, 5, "robots", "Reading robots.txt of " + url->Authority(), *url);
  if (const auto refusal = fetcher.Ask(*url)) return Failed(*refusal);
  Stage(context, 10, "fetching", "Fetching " + url->text, *url);
  const auto page = fetcher.Fetch(*url);
  if (!page) return Failed(page.error());
  if (const auto failure = JudgeAnswer(*page)) return Failed(*failure);

  Stage(context, 60, "parsing", "Parsing " + std::to_string(page->body.size()) + " bytes",
        page->url);
  const Extraction extraction = ExtractPage(*page, job.entity_type);
  if (extraction.blocked) return Failed(*extraction.blocked);
  if (extraction.cut) {
    context.say(LogEvent{LogLevel::kWarning,
                         "parsing",
                         page->url.text + " is too large or too deep; a part of it was left out",
                         {}});
  }
  Stage(context, 80, "extracting",
        std::to_string(extraction.items.size()) + " items in structured data", page->url);
  for (const RecordEvent& record : extraction.records) context.say(record);
  const std::string found = extraction.records.empty()
                                ? "Nothing about a " + job.entity_type
                                : std::to_string(extraction.records.size()) + " record(s)";
  context.say(LogEvent{LogLevel::kInfo, "extracting", found + " found on " + page->url.text, {}});
  Stage(context, 100, "done", found + " found", page->url);
  ResultEvent result;
  result.completed = true;
  return result;
}

}  // namespace forager::collectors
