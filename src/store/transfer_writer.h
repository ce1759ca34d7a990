// Writes the rows of a transfer into its target. Each batch and the note of how far it reaches are
// one transaction: a transfer that is killed goes on behind the last of them.
#pragma once

#include <string>
#include <vector>

#include "store/transfer_rows.h"

namespace forager::store {

class TransferWriter {
 public:
  TransferWriter(Database& database, const TransferTable& table);
  // `from` is the note of the batch before, `to` that of this one. False: somebody else has moved
  // on from `from`, and nothing was written.
  bool Write(std::span<const TransferRow> rows, const std::string& from, const std::string& to);

  // Rows that the database refused, and its words.
  const std::vector<std::string>& refused() const { return refused_; }
  std::int64_t written() const { return written_; }

 private:
  void Insert(std::span<const TransferRow*> rows);
  void InsertOrHalve(std::span<const TransferRow*> rows);

  Database& database_;
  const TransferTable& table_;
  const std::string sql_;
  std::vector<std::string> refused_;
  std::int64_t written_ = 0;
};

// The fact that tells how far the table has come: "", "after KEY" or "done".
std::string ProgressFact(const TransferTable& table);

}  // namespace forager::store
