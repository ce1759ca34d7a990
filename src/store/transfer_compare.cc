#include "store/transfer_compare.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <memory>

namespace forager::store {
namespace {

constexpr std::size_t kNamed = 20;

class Digest {
 public:
  Digest() : context_(EVP_MD_CTX_new()) { EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr); }
  void Add(std::string_view text) { EVP_DigestUpdate(context_.get(), text.data(), text.size()); }
  std::string End() {
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    EVP_DigestFinal_ex(context_.get(), bytes, &size);
    std::string text;
    for (unsigned int i = 0; i < size; ++i) text += fmt::format("{:02x}", bytes[i]);
    return text;
  }

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

// One side of the comparison: the row it stands on, and what was read of it so far.
class Side {
 public:
  Side(Database& database, const TransferTable& table) : reader_(database, table) {}
  const TransferRow* Row() {
    while (at_ == rows_.size()) {
      at_ = 0;
      if (!reader_.Next(rows_)) return nullptr;
    }
    return &rows_[at_];
  }
  void Pass(bool counted = true) {
    const TransferRow& row = rows_[at_++];
    if (!counted) return;
    text_.clear();
    AppendCanonical(row, text_);
    digest_.Add(text_);
    ++count_;
  }
  std::int64_t count() const { return count_; }
  std::string End() { return digest_.End(); }

 private:
  TransferReader reader_;
  std::vector<TransferRow> rows_;
  std::size_t at_ = 0;
  std::string text_;
  Digest digest_;
  std::int64_t count_ = 0;
};

class Comparison {
 public:
  // Without `to` every row is only looked at.
  Comparison(const TransferTable& table, Database& from, Database* to)
      : table_(table), from_(from, table) {
    proof_.table = table.name;
    if (to) to_.emplace(*to, table);
  }

  TableProof Run(const std::function<void(std::int64_t)>& seen) {
    while (Step()) {
      if (from_.count() % 1'000 == 0) seen(from_.count());
    }
    seen(from_.count());
    proof_.rows_from += from_.count();
    proof_.digest_from = from_.End();
    proof_.rows_to = to_ ? to_->count() : 0;
    proof_.digest_to = to_ ? to_->End() : "";
    return std::move(proof_);
  }

 private:
  // False: both have come to their end.
  bool Step() {
    const TransferRow* mine = from_.Row();
    const TransferRow* theirs = to_ ? to_->Row() : nullptr;
    if (!mine && !theirs) return false;
    if (mine && !mine->movable) {
      Note(*mine);
      Differs(*mine, "stays behind: its key is not one that every database holds");
      ++proof_.rows_from;
      from_.Pass(false);
      return true;
    }
    if (mine && (!theirs || mine->key <= theirs->key)) Note(*mine);
    if (!to_) {
      from_.Pass();
    } else if (!theirs || (mine && mine->key < theirs->key)) {
      Differs(*mine, "is missing in the target");
      from_.Pass();
    } else if (!mine || theirs->key < mine->key) {
      Differs(*theirs, "is in the target only");
      to_->Pass();
    } else {
      Compare(*mine, *theirs);
      from_.Pass();
      to_->Pass();
    }
    return true;
  }
  void Compare(const TransferRow& mine, const TransferRow& theirs) {
    if (mine.values == theirs.values) return;
    std::string columns;
    for (std::size_t i = 0; i < mine.values.size(); ++i) {
      if (mine.values[i] == theirs.values[i]) continue;
      columns += (columns.empty() ? "" : ", ") + table_.columns[i].name;
    }
    Differs(mine, "differs in " + columns);
  }
  void Differs(const TransferRow& row, std::string_view how) {
    if (++proof_.differences <= static_cast<std::int64_t>(kNamed))
      proof_.named.push_back(fmt::format("{} {} {}", table_.name, row.KeyText(), how));
  }
  void Note(const TransferRow& row) {
    for (const auto& replaced : row.replaced) {
      if (++proof_.replaced > static_cast<std::int64_t>(kNamed)) continue;
      proof_.replaced_named.push_back(fmt::format("{} {} {}: {}", table_.name, row.KeyText(),
                                                  table_.columns[replaced.column].name,
                                                  replaced.why));
    }
  }

  const TransferTable& table_;
  Side from_;
  std::optional<Side> to_;
  TableProof proof_;
};

}  // namespace

TableProof CompareTable(const TransferTable& table, Database& from, Database& to,
                        const std::function<void(std::int64_t rows)>& seen) {
  return Comparison(table, from, &to).Run(seen);
}

TableProof LookAtTable(const TransferTable& table, Database& from,
                       const std::function<void(std::int64_t rows)>& seen) {
  return Comparison(table, from, nullptr).Run(seen);
}

}  // namespace forager::store
