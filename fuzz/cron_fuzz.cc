// Expressions of strangers: what is accepted has words, and due times that rise and fit it in a
// zone with two changes a year.
#include <stdlib.h>

#include <string_view>

#include "calendar/due_times.h"
#include "calendar/zones.h"

using namespace forager;
using namespace forager::calendar;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  auto cron = Cron::Parse({reinterpret_cast<const char*>(data), size});
  if (!cron) {
    if (cron.error().empty()) abort();
    return 0;
  }
  if (Words(*cron).empty()) abort();
  static const auto zone = FindZone("America/New_York");
  static const auto start = *ParseRfc3339("2027-03-13T00:00:00Z");
  if (!zone) abort();
  WallTime last = start;
  for (WallTime due : NextDues(*cron, *zone, start, 10)) {
    if (due <= last) abort();
    last = due;
  }
  if (last == start) abort();  // an accepted expression comes within 40 years
  PastDue past = FindPastDue(*cron, *zone, *NextDue(*cron, *zone, start), last, 3);
  if (past.newest.empty() || past.newest.back() != last || past.count < 1) abort();
  return 0;
}
