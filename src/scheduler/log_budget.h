// Which log rows of an attempt are kept: the first ones and the newest ones, each row at the cost
// of its text and more, so that neither long nor short lines nor empty ones fill the store. Counts
// what is dropped, exactly. Used by the recorder.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "store/store.h"

namespace forager::scheduler {

class LogBudget {
 public:
  static constexpr std::size_t kRowCost = 100;
  static constexpr std::size_t kFirst = 64 << 10;
  static constexpr std::size_t kNewest = 1 << 20;

  // A row is on its way; every row is said once.
  void Add(std::size_t bytes) { Take(bytes + kRowCost); }
  // One that tells of what was dropped: never counted as dropped itself.
  void AddNotice() { Take(kNoticeCost); }
  // Lines that never became rows.
  void Drop(std::int64_t lines, std::int64_t bytes) {
    dropped_.lines += lines;
    dropped_.bytes += bytes;
  }
  // Takes out of `rows`, the newest, which are not written yet, what is dropped already. Says what
  // the store is to keep when it has become much too much there, or `now`.
  std::optional<store::AttemptNews::KeptLogs> Trim(std::vector<LogLine>& rows, bool now);

  struct Dropped {
    std::int64_t lines = 0, bytes = 0;
  };
  const Dropped& dropped() const { return dropped_; }

 private:
  static constexpr std::size_t kNoticeCost = kRowCost - 1;
  void Take(std::size_t cost);

  std::int64_t first_rows_ = 0;
  std::size_t first_bytes_ = 0;
  std::deque<std::uint32_t> newest_;  // the cost of each
  std::size_t newest_bytes_ = 0;
  std::int64_t rows_ = 0;  // in the store and on their way to it
  Dropped dropped_;
};

}  // namespace forager::scheduler
