// A time zone: which offset from UTC is in force when. Read from the bytes of a TZif file
// (RFC 9636), as the system's tzdata has them; the rule in its footer is written out to 2200. Made
// by zones.h; knows nothing of schedules.
#pragma once

#include <chrono>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace forager::calendar {

using std::chrono::local_seconds;
using std::chrono::seconds;
using std::chrono::sys_seconds;

class Zone {
 public:
  Zone() = default;  // UTC
  // A sentence about what is wrong with the bytes.
  static std::expected<Zone, std::string> Parse(std::string_view bytes);

  // One offset, in force from `begin` (included) until `end`.
  struct Span {
    sys_seconds begin, end;
    seconds offset;
    bool Shows(local_seconds local) const;
  };
  Span At(sys_seconds time) const;
  local_seconds ToLocal(sys_seconds time) const;
  // The first moment that shows `local`; when none does, the first one after the gap.
  sys_seconds FromLocal(local_seconds local) const;

 private:
  friend class ZoneReader;
  struct Change {
    sys_seconds at;
    seconds offset;
  };
  Span SpanOf(std::size_t index) const;  // 0: before the first change

  seconds first_{0};
  std::vector<Change> changes_;  // ascending
};

}  // namespace forager::calendar
