#include "calendar/zone.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "calendar/zones.h"

namespace forager::calendar {
namespace {

sys_seconds Utc(int year, unsigned month, unsigned day, int hour, int minute = 0) {
  return std::chrono::sys_days(std::chrono::year(year) / month / day) + std::chrono::hours(hour) +
         std::chrono::minutes(minute);
}
local_seconds Local(int year, unsigned month, unsigned day, int hour, int minute = 0) {
  return local_seconds(Utc(year, month, day, hour, minute).time_since_epoch());
}
std::shared_ptr<const Zone> Named(const std::string& name) {
  auto zone = FindZone(name);
  EXPECT_TRUE(zone) << name;
  return zone ? zone : std::make_shared<Zone>();
}
int OffsetMinutes(const std::string& name, sys_seconds at) {
  return static_cast<int>(Named(name)->At(at).offset.count() / 60);
}

// A TZif file of version 2 with one type and this footer.
std::string WithFooter(const std::string& footer, int offset = 0) {
  std::string counts = std::string(15, '\0') + std::string(16, '\0') + std::string("\0\0\0\1", 4) +
                       std::string("\0\0\0\4", 4);
  std::string type;
  for (int shift : {24, 16, 8, 0}) type += static_cast<char>(offset >> shift & 0xff);
  type += std::string("\0\0", 2) + std::string("ABC\0", 4);
  return "TZif2" + counts + type + "TZif2" + counts + type + "\n" + footer + "\n";
}

TEST(Zone, OffsetsOfTheWorld) {
  sys_seconds january = Utc(2027, 1, 15, 12), july = Utc(2027, 7, 15, 12);
  EXPECT_EQ(OffsetMinutes("UTC", july), 0);
  EXPECT_EQ(OffsetMinutes("Europe/Berlin", january), 60);
  EXPECT_EQ(OffsetMinutes("Europe/Berlin", july), 120);
  EXPECT_EQ(OffsetMinutes("America/New_York", january), -300);
  EXPECT_EQ(OffsetMinutes("America/New_York", july), -240);
  EXPECT_EQ(OffsetMinutes("Europe/Dublin", january), 0);  // winter is the exception there
  EXPECT_EQ(OffsetMinutes("Europe/Dublin", july), 60);
  EXPECT_EQ(OffsetMinutes("Australia/Lord_Howe", january), 660);
  EXPECT_EQ(OffsetMinutes("Australia/Lord_Howe", july), 630);
  EXPECT_EQ(OffsetMinutes("America/Sao_Paulo", january), -180);
  EXPECT_EQ(OffsetMinutes("Asia/Kathmandu", july), 345);
  EXPECT_EQ(OffsetMinutes("America/Mexico_City", july), -360);  // no summer time since 2022
  EXPECT_EQ(OffsetMinutes("Pacific/Apia", july), 780);
}

TEST(Zone, TheRuleOfTheFooterHoldsLongAfterTheTable) {
  EXPECT_EQ(OffsetMinutes("Europe/Berlin", Utc(2099, 7, 1, 0)), 120);
  EXPECT_EQ(OffsetMinutes("Europe/Berlin", Utc(2099, 12, 1, 0)), 60);
  EXPECT_EQ(OffsetMinutes("America/New_York", Utc(2150, 3, 8, 6, 59)), -300);
  EXPECT_EQ(OffsetMinutes("America/New_York", Utc(2150, 3, 8, 7, 0)), -240);
}

TEST(Zone, ALocalTimeInTheGapIsTheFirstMomentAfterIt) {
  auto berlin = Named("Europe/Berlin");
  EXPECT_EQ(berlin->FromLocal(Local(2027, 3, 28, 1, 59)), Utc(2027, 3, 28, 0, 59));
  EXPECT_EQ(berlin->FromLocal(Local(2027, 3, 28, 2, 0)), Utc(2027, 3, 28, 1, 0));
  EXPECT_EQ(berlin->FromLocal(Local(2027, 3, 28, 2, 59)), Utc(2027, 3, 28, 1, 0));
  EXPECT_EQ(berlin->FromLocal(Local(2027, 3, 28, 3, 0)), Utc(2027, 3, 28, 1, 0));
  EXPECT_EQ(berlin->FromLocal(Local(2027, 3, 28, 3, 1)), Utc(2027, 3, 28, 1, 1));
  // Half an hour, in the other half of the world.
  EXPECT_EQ(Named("Australia/Lord_Howe")->FromLocal(Local(2026, 10, 4, 2, 15)),
            Utc(2026, 10, 3, 15, 30));
  // A whole day: Samoa left out 30 December 2011.
  EXPECT_EQ(Named("Pacific/Apia")->FromLocal(Local(2011, 12, 30, 12)), Utc(2011, 12, 30, 10));
}

TEST(Zone, ALocalTimeThatExistsTwiceIsTheFirst) {
  auto berlin = Named("Europe/Berlin");
  EXPECT_EQ(berlin->FromLocal(Local(2027, 10, 31, 2, 30)), Utc(2027, 10, 31, 0, 30));
  EXPECT_EQ(berlin->FromLocal(Local(2027, 10, 31, 3, 0)), Utc(2027, 10, 31, 2, 0));
  EXPECT_EQ(berlin->ToLocal(Utc(2027, 10, 31, 1, 30)), Local(2027, 10, 31, 2, 30));
  EXPECT_EQ(Named("America/New_York")->FromLocal(Local(2026, 11, 1, 1, 30)),
            Utc(2026, 11, 1, 5, 30));
}

TEST(Zone, ThereAndBackIsTheSameMomentOrTheFirstOfTwo) {
  for (auto name : {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca",
                    "America/Sao_Paulo", "Asia/Tehran", "UTC"}) {
    auto zone = Named(name);
    for (sys_seconds at = Utc(2025, 1, 1, 0); at < Utc(2028, 1, 1, 0);
         at += std::chrono::minutes(15)) {
      sys_seconds back = zone->FromLocal(zone->ToLocal(at));
      EXPECT_LE(back, at) << name;
      EXPECT_EQ(zone->ToLocal(back), zone->ToLocal(at)) << name;
    }
  }
}

TEST(Zone, EveryZoneOfThisSystemIsRead) {
  int read = 0;
  std::filesystem::path folder = kZoneFolder;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    std::string name = entry.path().lexically_relative(folder).string();
    if (!entry.is_regular_file() || name[0] < 'A' || name[0] > 'Z') continue;
    EXPECT_TRUE(FindZone(name)) << name;
    ++read;
  }
  EXPECT_GT(read, 400);
}

TEST(Zone, FootersOfAllForms) {
  struct Case {
    std::string footer;
    sys_seconds at;
    int offset;
  };
  const Case kTable[] = {
      {"<-03>3", Utc(2027, 7, 1, 0), -10'800},
      {"<+0545>-5:45", Utc(2027, 7, 1, 0), 20'700},
      {"IST-1GMT0,M10.5.0,M3.5.0/1", Utc(2027, 7, 1, 0), 3'600},
      {"IST-1GMT0,M10.5.0,M3.5.0/1", Utc(2027, 12, 1, 0), 0},
      {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", Utc(2027, 3, 28, 0, 59), -7'200},  // the day before
      {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", Utc(2027, 3, 28, 1, 0), -3'600},
      {"AAA0BBB,J60/0,J300/0", Utc(2028, 2, 29, 23, 59), 0},  // J60 is always 1 March
      {"AAA0BBB,J60/0,J300/0", Utc(2028, 3, 1, 0), 3'600},
      {"AAA0BBB,59/0,300/0", Utc(2028, 2, 29, 0), 3'600},     // 59 is 29 February in a leap year
      {"AAA0BBB-3,0/0,J365/27", Utc(2027, 6, 1, 0), 10'800},  // all the year round
      {"AAA0BBB-3,0/0,J365/27", Utc(2027, 12, 31, 23, 30), 10'800},
      {"AAA0BBB-3,0/0,J365/27", Utc(2028, 1, 1, 0), 10'800},
  };
  for (const Case& c : kTable) {
    auto zone = Zone::Parse(WithFooter(c.footer));
    ASSERT_TRUE(zone) << c.footer << ": " << zone.error();
    EXPECT_EQ(zone->At(c.at).offset.count(), c.offset)
        << c.footer << " " << c.at.time_since_epoch();
  }
}

TEST(Zone, WhatIsNoZoneFileIsRefused) {
  for (auto footer : {"CET", "C-1", "CET-25", "CET-1CEST", "CET-1CEST,M13.5.0,M10.5.0",
                      "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0", "<CET-1",
                      "CET-1CEST,J366,J300", "CET-1CEST,M3.5.0,M10.5.0/168", "CET-1x"}) {
    EXPECT_FALSE(Zone::Parse(WithFooter(footer))) << footer;
  }
  EXPECT_FALSE(Zone::Parse(""));
  EXPECT_FALSE(Zone::Parse("TZif"));
  std::string whole = WithFooter("UTC0");
  ASSERT_TRUE(Zone::Parse(whole));
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_FALSE(Zone::Parse(whole.substr(0, length))) << length;
}

TEST(Zones, NamesThatAreNotZonesAreNotFound) {
  for (auto name : {"", "Europe", "Europe/", "/etc/passwd", "../zoneinfo/UTC", "Europe/../UTC",
                    "Europe/Atlantis", "europe/berlin", "posix/UTC", "right/UTC", "posixrules",
                    "tzdata.zi", "UTC ", "Europe//Berlin"}) {
    EXPECT_FALSE(FindZone(name)) << name;
  }
  EXPECT_FALSE(FindZone(std::string(65, 'A')));
}

TEST(Zones, UtcNeedsNoFile) {
  EXPECT_TRUE(FindZone("UTC", "/nonexistent"));
  EXPECT_FALSE(FindZone("Europe/Berlin", "/nonexistent"));
}

TEST(Zones, AReplacedFileIsReadAgain) {
  std::filesystem::path folder = ::testing::TempDir() + "zones-" + std::to_string(::getpid());
  std::filesystem::create_directory(folder);
  auto put = [&](const std::string& bytes, int second) {
    std::ofstream(folder / "Here") << bytes;
    std::filesystem::last_write_time(
        folder / "Here", std::filesystem::file_time_type() + std::chrono::seconds(second));
  };
  put(WithFooter("AAA-1"), 1);
  auto before = FindZone("Here", folder);
  ASSERT_TRUE(before);
  EXPECT_EQ(before->At(Utc(2027, 1, 1, 0)).offset.count(), 3'600);
  put(WithFooter("AAA-2"), 2);
  auto after = FindZone("Here", folder);
  EXPECT_EQ(after->At(Utc(2027, 1, 1, 0)).offset.count(), 7'200);
  put("half wr", 3);  // a reader must not lose the zone while it is written
  EXPECT_EQ(FindZone("Here", folder), after);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace forager::calendar
