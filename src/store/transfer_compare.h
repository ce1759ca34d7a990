// Holds two databases against each other after a transfer: rows counted, a SHA-256 over the one form
// of every row in the order of their keys, and each difference by its name. Reads only.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "store/transfer_rows.h"

namespace forager::store {

struct TableProof {
  std::string table;
  std::int64_t rows_from = 0, rows_to = 0;
  std::string digest_from, digest_to;  // SHA-256 in hexadecimal
  std::int64_t differences = 0;
  std::vector<std::string> named;  // the first of them
  std::int64_t replaced = 0;
  std::vector<std::string> replaced_named;

  bool same() const { return differences == 0 && digest_from == digest_to; }
};

TableProof CompareTable(const TransferTable& table, Database& from, Database& to,
                        const std::function<void(std::int64_t rows)>& seen);
// One database alone: its rows, and what would be replaced or stay behind.
TableProof LookAtTable(const TransferTable& table, Database& from,
                       const std::function<void(std::int64_t rows)>& seen);

}  // namespace forager::store
