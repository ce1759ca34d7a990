#include "supervisor/output_levels.h"

#include <gtest/gtest.h>

namespace forager::supervisor {
namespace {

TEST(PlainText, HasNoEscapesAndNoControls) {
  const std::pair<std::string, std::string> kCases[] = {
      {"\x1b[31mred\x1b[0m", "red"},
      {"\x1b[1;38;5;196mx\x1b[K", "x"},
      {"\x1b]0;title\x07y", "y"},
      {"\x1b]8;;http://a\x1b\\link\x1b]8;;\x1b\\", "link"},
      {"\x1b(Bplain\x1bM", "plain"},
      {std::string("nul\0bell\x07 tab\t", 14), "nulbell tab\t"},
      {"cut off \x1b[3", "cut off "},
      {"cut off \x1b", "cut off "},
      {"foo\r: not found", "foo\\r: not found"},
      {"end\r", "end"},
  };
  for (const auto& [raw, plain] : kCases) EXPECT_EQ(PlainText(raw), plain);
}

TEST(LevelOf, KnowsTheFormsOfTheUsualLoggers) {
  constexpr auto D = LogLevel::kDebug, I = LogLevel::kInfo, W = LogLevel::kWarning,
                 E = LogLevel::kError;
  const std::pair<std::string, LogLevel> kCases[] = {
      {"2026-01-01 10:00:00,123 - my.name - ERROR - msg", E},
      {"2026-01-01 10:00:00,123 - my.name - INFO - no ERROR here", I},
      {"2026-01-01 10:00:00,123 DEBUG my.name: msg", D},
      {"ERROR:root:msg", E},
      {"WARNING:urllib3.connectionpool:Retrying", W},
      {"CRITICAL:root:msg", E},
      {"[ERROR] msg", E},
      {"[2026-01-01 10:00:00 +0000] [123] [INFO] Listening", I},
      {"2026-01-01 10:00:00 [scrapy.core.engine] INFO: Spider opened", I},
      {"2026-01-01 10:00:00 [scrapy.core.scraper] ERROR: Spider error processing <GET x>", E},
      {"2026-01-01 10:00:00 [py.warnings] WARNING: /x.py:3: FutureWarning: y", W},
      {"2026-01-01 10:00:00.123 | WARNING  | __main__:f:12 - msg", W},
      {"2026-01-01 10:00:00.123 | SUCCESS  | __main__:f:12 - msg", I},
      {"/srv/x.py:3: UserWarning: old", W},
      {"sys:1: ResourceWarning: unclosed", W},
      {R"({"level":30,"time":1,"msg":"x"})", I},
      {R"({"level":50,"time":1,"msg":"x"})", E},
      {R"({"level":"error","message":"x"})", E},
      {R"({"time":"2026","severity":"WARNING","message":"x"})", W},
      {R"({"asctime":"x","levelname":"ERROR","message":"y"})", E},
      {"npm ERR! code ENOENT", E},
      {"npm WARN deprecated x", W},
      {"error: msg", E},
      {"warn: msg", W},
      {"INFO  PlaywrightCrawler: Starting", I},
      {"[2026-01-01T10:00:00.123] [ERROR] default - msg", E},
      {"10:00:00.123 [main] ERROR com.x - msg", E},
      {"ValueError: bad page", E},
      {"requests.exceptions.ConnectionError: no route", E},
      {"Uncaught Error: x", E},
      {"Error [ERR_MODULE_NOT_FOUND]: Cannot find package", E},
      {"sh: 1: foo: not found", E},
      {"bash: line 3: foo: command not found", E},
      {"FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory", E},
  };
  for (const auto& [line, level] : kCases) {
    ASSERT_TRUE(LevelOf(line)) << line;
    EXPECT_EQ(*LevelOf(line), level) << line;
  }
  for (auto line : {"plain words", "", "3 pages read", "page 7: no errors", "The ERROR of our ways",
                    "INFORMATION: x", R"({"name":"x"})", "{broken", "http://x: y", "a: b",
                    "50%|#####     | 5/10 [00:01<00:01, 4.9it/s]"}) {
    EXPECT_FALSE(LevelOf(line)) << line;
  }
}

TEST(IsOutOfMemory, IsSaidByPythonNodeAndOthers) {
  for (auto line :
       {"MemoryError", "numpy.core._exceptions._ArrayMemoryError: Unable to allocate 8 GiB",
        "FATAL ERROR: Ineffective mark-compacts near heap limit Allocation failed - JavaScript "
        "heap "
        "out of memory",
        "java.lang.OutOfMemoryError: Java heap space"}) {
    EXPECT_TRUE(IsOutOfMemory(line)) << line;
  }
  EXPECT_FALSE(IsOutOfMemory("the memory of it"));
}

}  // namespace
}  // namespace forager::supervisor
