// GET /history over the routes.
#include "tests/api/api_fixture.h"

namespace forager::api {
namespace {

class HistoryApi : public ApiTest {};

TEST_F(HistoryApi, AnHourIsSixtyMinutesOfWhatHappened) {
  std::string id = Running();
  clock_.Advance(4s);
  End(id, true);
  Failed();
  Answered hour = Get("/history");
  EXPECT_EQ(hour.status, 200) << hour.body;
  EXPECT_EQ(hour.Text("/range"), "1h");
  EXPECT_TRUE(hour.Json().at("entity_type").is_null());
  EXPECT_EQ(hour.Int("/bucket_seconds"), 60);
  EXPECT_EQ(hour.Json().at("buckets").as_array().size(), 60u);
  EXPECT_EQ(hour.Int("/buckets/59/submitted"), 2);
  EXPECT_EQ(hour.Int("/buckets/59/completed"), 1);
  EXPECT_EQ(hour.Int("/buckets/59/failed"), 1);
  EXPECT_NEAR(hour.Json().at_pointer("/totals/run_time_p50").as_double(), 4, 0.4);
  EXPECT_TRUE(hour.Json().at_pointer("/buckets/0/run_time_p50").is_null());
  EXPECT_EQ(hour.Text("/buckets/59/at"), "2026-11-18T11:06:00.000Z");
  EXPECT_EQ(hour.Text("/to"), "2026-11-18T11:07:00.000Z");
}

TEST_F(HistoryApi, LongerRangesAndOneType) {
  Submitted();
  EXPECT_EQ(Get("/history?range=24h").Json().at("buckets").as_array().size(), 96u);
  EXPECT_EQ(Get("/history?range=30d").Int("/bucket_seconds"), 21'600);
  EXPECT_EQ(Get("/history?entity_type=property").Int("/totals/submitted"), 1);
  EXPECT_EQ(Get("/history?entity_type=builder").Int("/totals/submitted"), 0);
  EXPECT_EQ(Get("/history?range=7d").Text("/errors/0/field"), "range");
  EXPECT_EQ(Get("/history?entity_type=A").status, 422);
  EXPECT_EQ(Get("/history?type=x").status, 422);
}

}  // namespace
}  // namespace forager::api
