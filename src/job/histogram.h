// How often durations occurred, in fixed steps that grow by a fifth: quantiles are right to 10%
// whatever the size. Adds up; has a short text form for the store.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "job/time.h"

namespace forager {

class Histogram {
 public:
  void Add(Millis duration, std::int64_t times = 1);
  void Add(const Histogram& other);
  bool empty() const { return counts_.empty(); }
  std::int64_t count() const;
  // In seconds, of 0 < q <= 1; none when empty.
  std::optional<double> Quantile(double q) const;

  // "3:1,17:250"
  std::string Text() const;
  static Histogram Parse(std::string_view text);  // what cannot be read counts nothing

 private:
  void Count(int step, std::int64_t times);

  std::vector<std::pair<int, std::int64_t>> counts_;  // by step, ascending
};

}  // namespace forager
