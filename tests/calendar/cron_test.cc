#include "calendar/cron.h"

#include <gtest/gtest.h>

#include "job/time.h"

namespace forager::calendar {
namespace {

LocalMinutes At(int year, unsigned month, unsigned day, int hour = 0, int minute = 0) {
  return std::chrono::local_days(std::chrono::year(year) / month / day) + std::chrono::hours(hour) +
         std::chrono::minutes(minute);
}

std::string Show(std::optional<LocalMinutes> time) {
  if (!time) return "never";
  std::string text = FormatRfc3339(WallTime(time->time_since_epoch()));
  return text.substr(0, 10) + " " + text.substr(11, 5);
}

Cron Parsed(std::string_view text) {
  auto cron = Cron::Parse(text);
  EXPECT_TRUE(cron) << text << ": " << (cron ? "" : cron.error());
  return cron.value_or(Cron());
}

// The next three times from Monday 23 November 2026 10:00 on.
std::string NextThree(std::string_view text) {
  Cron cron = Parsed(text);
  std::string times;
  auto from = At(2026, 11, 23, 10);
  for (int i = 0; i < 3; ++i) {
    auto next = cron.Next(from);
    times += (i > 0 ? ", " : "") + Show(next);
    if (!next) break;
    from = *next + std::chrono::minutes(1);
  }
  return times;
}

TEST(Cron, NamesTheTimesOfTheManualPage) {
  const std::pair<std::string_view, std::string_view> kTable[] = {
      {"* * * * *", "2026-11-23 10:00, 2026-11-23 10:01, 2026-11-23 10:02"},
      {"30 2 * * *", "2026-11-24 02:30, 2026-11-25 02:30, 2026-11-26 02:30"},
      {"*/15 9-17 * * MON-FRI", "2026-11-23 10:00, 2026-11-23 10:15, 2026-11-23 10:30"},
      {"7/20 * * * *", "2026-11-23 10:07, 2026-11-23 10:27, 2026-11-23 10:47"},
      {"1-10/3 10 * * *", "2026-11-23 10:01, 2026-11-23 10:04, 2026-11-23 10:07"},
      {"0,30 23 * * *", "2026-11-23 23:00, 2026-11-23 23:30, 2026-11-24 23:00"},
      {"5 4 * * sun", "2026-11-29 04:05, 2026-12-06 04:05, 2026-12-13 04:05"},
      {"5 4 * * 7", "2026-11-29 04:05, 2026-12-06 04:05, 2026-12-13 04:05"},
      {"5 4 * * 0", "2026-11-29 04:05, 2026-12-06 04:05, 2026-12-13 04:05"},
      {"0 0 * * SAT-SUN", "2026-11-28 00:00, 2026-11-29 00:00, 2026-12-05 00:00"},
      {"0 0 * * 5-7", "2026-11-27 00:00, 2026-11-28 00:00, 2026-11-29 00:00"},
      {"15 14 1 * *", "2026-12-01 14:15, 2027-01-01 14:15, 2027-02-01 14:15"},
      {"0 0 31 * *", "2026-12-31 00:00, 2027-01-31 00:00, 2027-03-31 00:00"},
      {"0 0 1 jan,jul *", "2027-01-01 00:00, 2027-07-01 00:00, 2028-01-01 00:00"},
      {"0 0 29 2 *", "2028-02-29 00:00, 2032-02-29 00:00, 2036-02-29 00:00"},
      {"@yearly", "2027-01-01 00:00, 2028-01-01 00:00, 2029-01-01 00:00"},
      {"@annually", "2027-01-01 00:00, 2028-01-01 00:00, 2029-01-01 00:00"},
      {"@monthly", "2026-12-01 00:00, 2027-01-01 00:00, 2027-02-01 00:00"},
      {"@weekly", "2026-11-29 00:00, 2026-12-06 00:00, 2026-12-13 00:00"},
      {"@daily", "2026-11-24 00:00, 2026-11-25 00:00, 2026-11-26 00:00"},
      {"@midnight", "2026-11-24 00:00, 2026-11-25 00:00, 2026-11-26 00:00"},
      {"@Hourly", "2026-11-23 10:00, 2026-11-23 11:00, 2026-11-23 12:00"},
      {"  0\t12  *  * * ", "2026-11-23 12:00, 2026-11-24 12:00, 2026-11-25 12:00"},
  };
  for (auto [text, times] : kTable) EXPECT_EQ(NextThree(text), times) << text;
}

TEST(Cron, EitherDayIsEnoughWhenBothAreRestricted) {
  EXPECT_EQ(NextThree("0 0 13 * FRI"), "2026-11-27 00:00, 2026-12-04 00:00, 2026-12-11 00:00");
  EXPECT_EQ(NextThree("0 0 1,25 * WED"), "2026-11-25 00:00, 2026-12-01 00:00, 2026-12-02 00:00");
}

TEST(Cron, BothDaysMustFitWhenOneBeginsWithAStar) {
  // Odd days of the month that are Mondays.
  EXPECT_EQ(NextThree("0 0 */2 * MON"), "2026-12-07 00:00, 2026-12-21 00:00, 2027-01-11 00:00");
  EXPECT_EQ(NextThree("0 0 ? * MON"), "2026-11-30 00:00, 2026-12-07 00:00, 2026-12-14 00:00");
  EXPECT_EQ(NextThree("0 0 15 * ?"), "2026-12-15 00:00, 2027-01-15 00:00, 2027-02-15 00:00");
}

TEST(Cron, LastAndNthDays) {
  EXPECT_EQ(NextThree("0 0 L * *"), "2026-11-30 00:00, 2026-12-31 00:00, 2027-01-31 00:00");
  EXPECT_EQ(NextThree("0 0 L 2 *"), "2027-02-28 00:00, 2028-02-29 00:00, 2029-02-28 00:00");
  EXPECT_EQ(NextThree("0 0 15,L * *"), "2026-11-30 00:00, 2026-12-15 00:00, 2026-12-31 00:00");
  EXPECT_EQ(NextThree("0 0 * * FRI#2"), "2026-12-11 00:00, 2027-01-08 00:00, 2027-02-12 00:00");
  EXPECT_EQ(NextThree("0 0 * * 5L"), "2026-11-27 00:00, 2026-12-25 00:00, 2027-01-29 00:00");
  EXPECT_EQ(NextThree("0 0 * * MON#5"), "2026-11-30 00:00, 2027-03-29 00:00, 2027-05-31 00:00");
}

TEST(Cron, NothingIsWrittenThatIsNotMeant) {
  const std::pair<std::string_view, std::string_view> kTable[] = {
      {"", "must have five fields: minute, hour, day of month, month, day of week; this has 0"},
      {"* * * *",
       "must have five fields: minute, hour, day of month, month, day of week; this has 4"},
      {"0 0 0 * * *",
       "must have five fields: minute, hour, day of month, month, day of week; this has 6"},
      {"60 * * * *", R"(has "60" as minute: "60" is not from 0 to 59)"},
      {"* 24 * * *", R"(has "24" as hour: "24" is not from 0 to 23)"},
      {"* * 0 * *", R"(has "0" as day of month: "0" is not from 1 to 31)"},
      {"* * 32 * *", R"(has "32" as day of month: "32" is not from 1 to 31)"},
      {"* * * 13 *", R"(has "13" as month: "13" is not from 1 to 12)"},
      {"* * * * 8", R"(has "8" as day of week: "8" is not from 0 to 7)"},
      {"* * * MON *", R"(has "MON" as month: "MON" is not from 1 to 12)"},
      {"*/0 * * * *", R"(has "*/0" as minute: "0" is not from 1 to 60)"},
      {"*/61 * * * *", R"(has "*/61" as minute: "61" is not from 1 to 60)"},
      {"5-1 * * * *", R"(has "5-1" as minute: a range goes upwards)"},
      {"* * * * FRI-MON", R"(has "FRI-MON" as day of week: a range goes upwards)"},
      {"1, * * * *", R"(has "" as minute: "" is not from 0 to 59)"},
      {"-1 * * * *", R"(has "-1" as minute: "" is not from 0 to 59)"},
      {"+1 * * * *", R"(has "+1" as minute: "+1" is not from 0 to 59)"},
      {"1-2-3 * * * *", R"(has "1-2-3" as minute: "2-3" is not from 0 to 59)"},
      {"1/2/3 * * * *", R"(has "1/2/3" as minute: "2/3" is not from 1 to 60)"},
      {"* * * * MON#6", R"(has "MON#6" as day of week: "6" is not from 1 to 5)"},
      {"* L * * *", R"(has "L" as hour: "L" is not from 0 to 23)"},
      {"* * LW * *", R"(has "LW" as day of month: "LW" is not from 1 to 31)"},
      {"0 0 30 2 *", "never comes: no month has such a day"},
      {"0 0 31 4,6,9,11 *", "never comes: no month has such a day"},
      {"@reboot",
       "must be five fields, or one of @yearly, @annually, @monthly, @weekly, @daily, @midnight, "
       "@hourly"},
      {"* * * * \xff", "must be printable ASCII"},
  };
  for (auto [text, message] : kTable) {
    auto cron = Cron::Parse(text);
    ASSERT_FALSE(cron) << text;
    EXPECT_EQ(cron.error(), message) << text;
  }
  EXPECT_EQ(Cron::Parse(std::string(201, '*')).error(), "must be at most 200 bytes");
}

TEST(Cron, WordsSayWhatItMeans) {
  const std::pair<std::string_view, std::string_view> kTable[] = {
      {"* * * * *", "Every minute"},
      {"*/15 * * * *", "Every 15 minutes"},
      {"0 * * * *", "Every hour"},
      {"5 * * * *", "At minute 5 of every hour"},
      {"5,20,40 * * * *", "At minutes 5, 20 and 40 of every hour"},
      {"*/7 * * * *", "At minutes 0, 7, 14, 21, 28, 35, 42, 49 and 56 of every hour"},
      {"30 2 * * *", "At 02:30 every day"},
      {"0 9,17 * * *", "At 09:00 and 17:00 every day"},
      {"@weekly", "At 00:00 on Sunday"},
      {"@yearly", "At 00:00 on 1 January"},
      {"0 */2 * * *", "Every 2 hours from 00:00"},
      {"30 1-23/2 * * *", "Every 2 hours from 01:30"},
      {"0 9-17 * * *", "Every hour from 09:00 to 17:00"},
      {"*/15 9-17 * * MON-FRI", "Every 15 minutes from 09:00 to 17:45 on Monday to Friday"},
      {"* 9-17 * * *", "Every minute from 09:00 to 17:59"},
      {"* 9 * * *", "Every minute from 09:00 to 09:59"},
      {"1,2,3,50 8,10,12 * * *", "At minutes 1 to 3 and 50 of the hours 08, 10 and 12 every day"},
      {"0 0 1 * *", "At 00:00 on day 1 of the month"},
      {"0 0 1,15 * *", "At 00:00 on days 1 and 15 of the month"},
      {"0 0 L * *", "At 00:00 on the last day of the month"},
      {"0 0 15,L * *", "At 00:00 on day 15 of the month and the last day of the month"},
      {"0 0 * * 6,0", "At 00:00 on Saturday and Sunday"},
      {"0 0 * * 1,3,5", "At 00:00 on Monday, Wednesday and Friday"},
      {"0 0 * * FRI#2", "At 00:00 on the second Friday of the month"},
      {"0 0 * * FRIL", "At 00:00 on the last Friday of the month"},
      {"0 0 13 * FRI", "At 00:00 on day 13 of the month, or on Friday"},
      {"0 0 */10 * FRI", "At 00:00 on days 1, 11, 21 and 31 of the month, if that is Friday"},
      {"0 0 1-31 * FRI", "At 00:00 every day"},
      {"30 2 * 1,7 *", "At 02:30 on every day in January and July"},
      {"30 2 * 3-5 *", "At 02:30 on every day from March to May"},
      {"0 * * 12 *", "Every hour in December"},
      {"0 0 1-7 1 *", "At 00:00 on days 1 to 7 of the month in January"},
  };
  for (auto [text, words] : kTable) EXPECT_EQ(Words(Parsed(text)), words) << text;
}

}  // namespace
}  // namespace forager::calendar
