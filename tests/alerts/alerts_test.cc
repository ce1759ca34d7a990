// The parts of alerts that need no server: quiet hours, rates, signatures.
#include <gtest/gtest.h>

#include "alerts/failure_rate.h"
#include "alerts/sender.h"
#include "job/time.h"

namespace forager::alerts {
namespace {

using namespace std::chrono_literals;

WallTime At(const std::string& text) { return *ParseRfc3339(text); }
std::optional<QuietHours> Nightly(const std::string& zone = "UTC") {
  return QuietHours{22 * 60, 7 * 60, zone};
}

TEST(QuietHoursTest, HoldUntilTheirEnd) {
  const std::pair<const char*, const char*> kCases[] = {
      {"2026-11-23T21:59:59Z", "2026-11-23T21:59:59Z"},
      {"2026-11-23T22:00:00Z", "2026-11-24T07:00:00Z"},
      {"2026-11-24T03:00:00Z", "2026-11-24T07:00:00Z"},
      {"2026-11-24T06:59:59Z", "2026-11-24T07:00:00Z"},
      {"2026-11-24T07:00:00Z", "2026-11-24T07:00:00Z"},
  };
  for (auto [now, until] : kCases) EXPECT_EQ(HeldUntil(Nightly(), At(now)), At(until)) << now;
  EXPECT_EQ(HeldUntil(std::nullopt, At("2026-11-24T03:00:00Z")), At("2026-11-24T03:00:00Z"));
}

TEST(QuietHoursTest, WithinOneDay) {
  std::optional<QuietHours> lunch = QuietHours{12 * 60, 13 * 60, "UTC"};
  EXPECT_EQ(HeldUntil(lunch, At("2026-11-24T12:30:00Z")), At("2026-11-24T13:00:00Z"));
  EXPECT_EQ(HeldUntil(lunch, At("2026-11-24T13:00:00Z")), At("2026-11-24T13:00:00Z"));
  EXPECT_EQ(HeldUntil(lunch, At("2026-11-24T11:59:00Z")), At("2026-11-24T11:59:00Z"));
}

TEST(QuietHoursTest, AreThoseOfTheZoneAlsoWhenItsClockChanges) {
  // 23:30 in Berlin; the night in which the clock goes back is an hour longer.
  EXPECT_EQ(HeldUntil(Nightly("Europe/Berlin"), At("2026-10-24T21:30:00Z")),
            At("2026-10-25T06:00:00Z"));
  EXPECT_EQ(HeldUntil(Nightly("Europe/Berlin"), At("2026-07-01T21:30:00Z")),
            At("2026-07-02T05:00:00Z"));
}

TEST(FailureRateTest, CountsWithinTheWindowByType) {
  FailureRate rates;
  os::Steady now{100h};
  rates.Count("a", true, now - 30min);
  rates.Count("a", true, now - 5min);
  rates.Count("a", false, now);
  rates.Count("b", false, now);
  auto sums = rates.Within(10min, now);
  EXPECT_EQ(sums["a"].ended, 2);
  EXPECT_DOUBLE_EQ(sums["a"].ratio(), 0.5);
  EXPECT_EQ(sums["b"].failed, 0);
  EXPECT_EQ(rates.Within(1h, now)["a"].failed, 2);
  EXPECT_TRUE(rates.Within(10min, now + 1h).empty());
}

TEST(FailureRateTest, ManyTypesAreOne) {
  FailureRate rates;
  os::Steady now{1h};
  for (int i = 0; i < 1'000; ++i) rates.Count("type" + std::to_string(i), true, now);
  auto sums = rates.Within(1h, now);
  EXPECT_EQ(sums.size(), 201u);
  EXPECT_EQ(sums["other types"].ended, 800);
}

TEST(SenderTest, TheSignatureIsThatOfTheDocs) {
  // printf '1700000000.{}' | openssl dgst -sha256 -hmac key
  EXPECT_EQ(Sign("key", 1'700'000'000, "{}"),
            "sha256=9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae");
}

TEST(SenderTest, WordsOfABodyThatIsNoneAreEmpty) {
  EXPECT_EQ(ReadWords("nonsense").summary, "");
  EXPECT_EQ(ReadWords("[]").Title(), "[] ");
  EXPECT_EQ(ReadWords(R"({"event":"firing","alert":{"summary":"s"}})").Title(), "[FIRING] s");
}

}  // namespace
}  // namespace forager::alerts
