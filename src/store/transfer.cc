#include "store/transfer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "store/transfer_ends.h"
#include "store/transfer_writer.h"

namespace forager::store {
namespace {

constexpr std::string_view kFact = "transfer";
constexpr std::string_view kDone = "done";
constexpr std::string_view kAfter = "after ";

std::optional<std::string> FactOf(Database& database, std::string_view name) {
  Rows rows = database.Query("fact", {name});
  if (!rows.Next()) return std::nullopt;
  return rows.Text(0);
}

std::int64_t Count(Database& database, const TransferTable& table) {
  std::string sql = TransferSql(database.dialect(), "transfer_count", table);
  Rows rows = database.QueryComposed(sql, {});
  return rows.Next() ? rows.Int(0) : 0;
}

class Transfer {
 public:
  Transfer(const TransferOptions& options, TransferEnds ends)
      : options_(options), ends_(std::move(ends)), from_(ends_.from()) {}

  Result<TransferReport> Run() {
    for (const TransferTable& table : ends_.plan)
      counts_.push_back(table.facts ? 0 : Count(from_, table));  // some of its rows are not moved
    for (std::int64_t count : counts_) total_ += count;
    if (options_.dry_run) return DryRun();
    if (!options_.verify_only) {
      if (auto begun = Begin(); !begun) return std::unexpected(begun.error());
      if (auto copied = CopyAll(); !copied) return std::unexpected(copied.error());
      Derive();
    }
    Compare();
    if (!options_.verify_only && (report_.same() || options_.accept_losses)) Finish();
    return std::move(report_);
  }

 private:
  Database& to() { return ends_.to(); }

  // Which database it is, and what was in it: it must be the same one when a transfer goes on.
  std::string Source() {
    std::string text = fmt::format("{}|", FactOf(from_, "node_id").value_or(ends_.from_name));
    for (std::int64_t count : counts_) text += fmt::format("{},", count);
    return text;
  }

  Result<void> CheckEmpty() {
    for (const TransferTable& table : ends_.plan) {
      std::vector<TransferRow> rows;
      TransferReader reader(to(), table);
      while (rows.empty() && reader.Next(rows)) {
      }
      if (rows.empty()) continue;
      return Fail(ErrorCode::kConflict,
                  fmt::format("{} is not empty: {} has rows that no unfinished migration has brought. "
                              "Choose a new database; --verify-only compares without writing.",
                              ends_.to_name, table.name));
    }
    return {};
  }

  Result<void> Begin() {
    std::string source = Source();
    auto begun = FactOf(to(), kFact);
    if (options_.restart && !begun)
      return Fail(ErrorCode::kConflict,
                  fmt::format("{} has no unfinished migration to begin again.", ends_.to_name));
    if (begun && !options_.restart) {
      if (*begun != source)
        return Fail(ErrorCode::kConflict,
                    fmt::format("{} has an unfinished migration from another database, or {} has "
                                "changed since it began: --restart throws away what it has moved, and "
                                "begins again.",
                                ends_.to_name, ends_.from_name));
      report_.resumed = true;
      for (const TransferTable& table : ends_.plan) done_ += Count(to(), table);
      return {};
    }
    if (!begun) {
      if (auto empty = CheckEmpty(); !empty) return empty;
    }
    to().BeginWrite();
    if (begun) {
      for (const TransferTable& table : ends_.plan)
        ends_.to().QueryComposed(TransferSql(to().dialect(), "transfer_clear", table), {}).Next();
    }
    to().Execute("set_fact", {kFact, source});
    for (const TransferTable& table : ends_.plan)
      to().Execute("set_fact", {ProgressFact(table), ""});
    to().Commit({});
    return {};
  }

  Result<void> CopyAll() {
    auto began = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < ends_.plan.size(); ++i) {
      if (auto copied = Copy(ends_.plan[i]); !copied) return copied;
      Tell(TransferProgress::Stage::kCopying, ends_.plan[i], 0, true, counts_[i]);
    }
    report_.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    return {};
  }

  Result<void> Copy(const TransferTable& table) {
    std::string note = FactOf(to(), ProgressFact(table)).value_or("");
    if (note == kDone) return {};
    TransferReader reader(from_, table);
    if (note.starts_with(kAfter)) {
      auto key = ParseKey(std::string_view(note).substr(kAfter.size()));
      if (!key)
        return Fail(ErrorCode::kInternal, fmt::format("\"{}\" tells nothing of {}.", note, table.name));
      reader.Seek(std::move(*key));
    }
    TransferWriter writer(to(), table);
    std::vector<TransferRow> rows;
    for (bool more = true; more;) {
      more = reader.Next(rows);
      std::string next = more ? std::string(kAfter) + WriteKey(*reader.last()) : std::string(kDone);
      if (!writer.Write(rows, note, next))
        return Fail(ErrorCode::kConflict,
                    fmt::format("Another migration has gone on with {} meanwhile: this one ends.",
                                table.name));
      note = std::move(next);
      done_ += static_cast<std::int64_t>(rows.size());
      Tell(TransferProgress::Stage::kCopying, table, 0, false, 0);
    }
    report_.copied += writer.written();
    report_.refused.insert(report_.refused.end(), writer.refused().begin(), writer.refused().end());
    return {};
  }

  // Counters, lanes and the next ids follow from the rows.
  void Derive() {
    to().BeginWrite();
    for (const char* name : {"transfer_clear_totals", "transfer_totals", "transfer_clear_lanes",
                             "transfer_lanes"})
      to().Execute(name, {});
    if (ends_.to_postgres) {
      for (const TransferTable& table : ends_.plan) {
        if (table.by_id)
          to().QueryComposed(TransferSql(Dialect::kPostgres, "transfer_identity", table), {}).Next();
      }
      to().Execute("transfer_analyze", {});
    }
    to().Commit({});
  }

  void Compare() {
    std::int64_t before = 0;
    for (const TransferTable& table : ends_.plan) {
      auto seen = [&](std::int64_t rows) {
        Tell(TransferProgress::Stage::kComparing, table, before + rows, false, 0);
      };
      report_.tables.push_back(CompareTable(table, from_, to(), seen));
      before += report_.tables.back().rows_from;
    }
  }

  Result<TransferReport> DryRun() {
    if (!ends_.target_is_new && !FactOf(to(), kFact)) {
      if (auto empty = CheckEmpty(); !empty) return std::unexpected(empty.error());
    }
    report_.resumed = !ends_.target_is_new && FactOf(to(), kFact);
    std::int64_t before = 0;
    for (const TransferTable& table : ends_.plan) {
      auto seen = [&](std::int64_t rows) {
        Tell(TransferProgress::Stage::kComparing, table, before + rows, false, 0);
      };
      report_.tables.push_back(LookAtTable(table, from_, seen));
      before += report_.tables.back().rows_from;
    }
    return std::move(report_);
  }

  void Finish() {
    to().BeginWrite();
    to().Execute("transfer_forget", {});
    to().Commit({});
    report_.finished = true;
  }

  void Tell(TransferProgress::Stage stage, const TransferTable& table, std::int64_t compared,
            bool table_done, std::int64_t table_rows) {
    bool copying = stage == TransferProgress::Stage::kCopying;
    options_.progress({stage, table.name, copying ? done_ : compared, total_, table_done, table_rows});
  }

  const TransferOptions& options_;
  TransferEnds ends_;
  Database& from_;
  std::vector<std::int64_t> counts_;
  std::int64_t total_ = 0, done_ = 0;
  TransferReport report_;
};

}  // namespace

bool TransferReport::same() const { return std::ranges::all_of(tables, &TableProof::same); }

Result<TransferReport> RunTransfer(const TransferOptions& options) {
  auto ends = OpenTransfer(options);
  if (!ends) return std::unexpected(ends.error());
  try {
    return Transfer(options, std::move(*ends)).Run();
  } catch (const DatabaseError& error) {
    return Fail(ErrorCode::kUnavailable,
                fmt::format("{} {}", ToError(error).detail, error.what()));
  }
}

Result<void> CheckTransferFinished(Database& database, const std::string& shown) {
  if (!FactOf(database, kFact)) return {};
  return Fail(ErrorCode::kConflict,
              fmt::format("{} is the target of a migration that is not finished: run `forager migrate` "
                          "again, which goes on where it was.",
                          shown));
}

}  // namespace forager::store
