#include "collectors/extract.h"

#include <algorithm>
#include <charconv>

#include "collectors/field_table.h"
#include "collectors/polite_fetch.h"
#include "collectors/record_builder.h"
#include "os/clock.h"

namespace forager::collectors {
namespace {

bool IsJson(const Page& page) { return page.content_type.find("json") != std::string::npos; }

std::string Lines(const std::vector<RecordEvent>& records) {
  std::string out;
  for (const RecordEvent& record : records) out += WriteEvent(record);
  return out;
}

Millis HostInterval(const std::map<std::string, std::string>& settings) {
  const auto interval = settings.find("host_interval_ms");
  int milliseconds = 0;
  if (interval != settings.end()) {
    const std::string& text = interval->second;
    std::from_chars(text.data(), text.data() + text.size(), milliseconds);
  }
  return Millis{milliseconds};
}

Result<void> CheckType(std::string_view entity_type) {
  if (entity_type.empty() || FindRules(entity_type) != nullptr) return {};
  return Fail(ErrorCode::kInvalid, "Unknown entity type: " + std::string(entity_type));
}

}  // namespace

Extraction ExtractPage(const Page& page, std::string_view entity_type) {
  Extraction out;
  std::optional<HtmlDocument> document;
  if (IsJson(page)) {
    out.items = FindJsonLd(ToUtf8(page.body, page.content_type));
  } else {
    document = HtmlDocument::Parse(page.body, page.content_type);
    out.cut = document->cut();
    out.items = FindStructuredData(*document, page.url);
  }
  const PageFacts facts{page.url, page.fetched_at, Digest(page.body)};
  for (const EntityRules& rules : AllRules()) {
    if (!entity_type.empty() && rules.entity_type != entity_type) continue;
    for (RecordEvent& record : BuildRecords(out.items, rules.entity_type, facts)) {
      out.records.push_back(std::move(record));
    }
  }
  const bool speaks = std::ranges::any_of(
      out.items, [](const FoundItem& item) { return item.source != Source::kOpenGraph; });
  if (document && !speaks) out.blocked = JudgeBody(page, *document);
  if (out.blocked) out.records.clear();
  return out;
}

Result<std::string> ExtractFromHtml(std::string_view html, std::string_view url,
                                    std::string_view entity_type) {
  if (auto known = CheckType(entity_type); !known) return std::unexpected(known.error());
  auto parsed = ParseUrl(url);
  if (!parsed) return std::unexpected(parsed.error());
  Page page;
  page.url = *std::move(parsed);
  page.status = 200;
  page.body = html;
  page.fetched_at = os::SystemClock().Now();
  const Extraction extraction = ExtractPage(page, entity_type);
  if (extraction.blocked) return Fail(ErrorCode::kInvalid, extraction.blocked->message);
  return Lines(extraction.records);
}

Result<std::string> ExtractFromUrl(std::string_view url, std::string_view entity_type,
                                   const std::map<std::string, std::string>& settings) {
  if (auto known = CheckType(entity_type); !known) return std::unexpected(known.error());
  const auto parsed = ParseUrl(url);
  if (!parsed) return std::unexpected(parsed.error());
  PoliteFetcher fetcher(OptionsFrom(settings), OwnPace(HostInterval(settings)));
  auto page = fetcher.Fetch(*parsed);
  std::optional<FetchFailure> failure = page ? JudgeAnswer(*page) : std::move(page.error());
  if (!failure) {
    const Extraction extraction = ExtractPage(*page, entity_type);
    if (!extraction.blocked) return Lines(extraction.records);
    failure = extraction.blocked;
  }
  const bool transient = failure->error_class == ErrorClass::kTransient;
  return Fail(transient ? ErrorCode::kUnavailable : ErrorCode::kInvalid, failure->message);
}

}  // namespace forager::collectors
