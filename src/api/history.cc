// GET /history: what charts need.
#include "api/handlers.h"
#include "api/object_writer.h"
#include "api/query.h"

namespace forager::api {
namespace {

using enum store::HistoryEvent;

void AddSums(ObjectWriter& body, const store::HistorySums& sums) {
  body.Int("submitted", sums[kSubmitted])
      .Int("completed", sums[kCompleted])
      .Int("failed", sums[kFailed])
      .Int("cancelled", sums[kCancelled])
      .Int("retried", sums[kRetried])
      .Int("reset", sums[kReset])
      .Number("run_time_p50", sums.run_times.Quantile(0.5))
      .Number("run_time_p95", sums.run_times.Quantile(0.95))
      .Number("wait_p50", sums.waits.Quantile(0.5))
      .Number("wait_p95", sums.waits.Quantile(0.95));
}

std::optional<store::HistoryRange> ReadRange(Query& query) {
  std::string text = query.Text("range", 10).value_or("1h");
  if (text == "1h") return store::HistoryRange::kHour;
  if (text == "24h") return store::HistoryRange::kDay;
  if (text == "30d") return store::HistoryRange::kMonth;
  if (!query.error()) query.Wrong("range", "must be 1h, 24h or 30d");
  return std::nullopt;
}

std::string_view Name(store::HistoryRange range) {
  switch (range) {
    case store::HistoryRange::kHour:
      return "1h";
    case store::HistoryRange::kDay:
      return "24h";
    case store::HistoryRange::kMonth:
      return "30d";
  }
  return "1h";
}

}  // namespace

Result<ReadWork> GetHistory(const Call& call) {
  Query query(call.request);
  auto range = ReadRange(query);
  auto entity_type = query.Text("entity_type", 50);
  if (entity_type && !IsTypeName(*entity_type))
    query.Wrong("entity_type", "must be 1 to 50 of a-z, 0-9 and _");
  if (auto error = query.error()) return std::unexpected(*error);
  return [&call, range = *range, entity_type](store::Store& store) -> Result<http::Response> {
    auto history = store.History(range, entity_type, call.Now());
    if (!history) return std::unexpected(history.error());
    store::HistorySums totals;
    std::string buckets = WriteArray(history->buckets, [&](const store::HistoryBucket& bucket) {
      totals.Add(bucket.sums);
      ObjectWriter body;
      body.Time("at", bucket.at);
      AddSums(body, bucket.sums);
      return body.Take();
    });
    ObjectWriter sums;
    AddSums(sums, totals);
    return Json(200, ObjectWriter()
                         .Text("range", Name(range))
                         .TextOrNull("entity_type", entity_type)
                         .Int("bucket_seconds", history->bucket.count())
                         .Time("from", history->from)
                         .Time("to", history->to)
                         .Raw("buckets", buckets)
                         .Raw("totals", sums.Take())
                         .Take());
  };
}

}  // namespace forager::api
