// Rows on their way between two databases, in the one form that both can hold: what either of them
// would say in its own way (JSON, times, numbers typed as text) has one value here. Reads only.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "store/transfer_plan.h"

namespace forager::store {

using TransferValue = std::variant<std::monostate, std::int64_t, double, std::string>;

struct TransferRow {
  std::vector<TransferValue> values;
  std::vector<TransferValue> key;  // as the database that it was read from has it
  struct Replaced {
    std::size_t column;
    std::string why;
  };
  std::vector<Replaced> replaced;  // values that are not what they were
  bool movable = true;             // false: its key is not what it was

  // "17", or "60 2026-11-23 10:00:00.000 property".
  std::string KeyText() const;
};

Param ToParam(const TransferValue& value);
// The value of one column of the row that `rows` stands on.
TransferValue ReadValue(const Rows& rows, int index, const TransferColumn& column,
                        std::string& replaced);
// What a digest is made of: a row has one such text, and no two rows have the same.
void AppendCanonical(const TransferRow& row, std::string& text);

// A key as text and back, for a resumed transfer.
std::string WriteKey(const std::vector<TransferValue>& key);
std::optional<std::vector<TransferValue>> ParseKey(std::string_view text);

// Walks a table in the order of its key.
class TransferReader {
 public:
  TransferReader(Database& database, const TransferTable& table);
  // Behind this row.
  void Seek(std::vector<TransferValue> key) { last_ = std::move(key); }
  // At most `page` rows and some MiB, in a transaction of their own; false: there are no more. May
  // be empty and true.
  bool Next(std::vector<TransferRow>& rows);
  const std::optional<std::vector<TransferValue>>& last() const { return last_; }

 private:
  Database& database_;
  const TransferTable& table_;
  std::string first_page_, page_;
  std::optional<std::vector<TransferValue>> last_;
};

}  // namespace forager::store
