// Zone files of strangers: whatever is read answers for any time, and its two ways agree.
#include <stdlib.h>

#include <string_view>

#include "calendar/zone.h"

using namespace forager::calendar;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  auto zone = Zone::Parse({reinterpret_cast<const char*>(data), size});
  if (!zone) {
    if (zone.error().empty()) abort();
    return 0;
  }
  for (long at : {-9'000'000'000L, -1L, 0L, 1'774'659'600L, 1'793'494'800L, 9'000'000'000L}) {
    sys_seconds time{seconds(at)};
    Zone::Span span = zone->At(time);
    if (time < span.begin || time >= span.end) abort();
    auto local = zone->ToLocal(time);
    if (!span.Shows(local)) abort();
    if (zone->FromLocal(local) > time) abort();
  }
  return 0;
}
