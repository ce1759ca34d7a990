// `forager migrate`: the store's transfer, with words around it.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>

#include "app/commands.h"
#include "app/config_file.h"
#include "cli/terminal.h"
#include "job/plain_text.h"
#include "os/clock.h"
#include "os/descriptor.h"
#include "os/visible_text.h"
#include "store/postgres_url.h"
#include "store/transfer.h"

namespace forager::app {
namespace {

using store::TransferProgress;
using store::TransferReport;

constexpr std::chrono::milliseconds kRedraw{200};
constexpr std::chrono::seconds kLine{10};

// "12,345"
std::string Number(std::int64_t value) {
  std::string digits = std::to_string(value);
  for (auto at = static_cast<int>(digits.size()) - 3; at > 0; at -= 3)
    digits.insert(static_cast<std::size_t>(at), ",");
  return digits;
}

// One line that is written over on a terminal; elsewhere a line for each table, and one now and then.
class ProgressLine {
 public:
  void Show(const TransferProgress& progress) {
    os::Steady now = os::SystemClock().SteadyNow();
    bool copying = progress.stage == TransferProgress::Stage::kCopying;
    if (!began_ || copying != copying_) {
      began_ = shown_ = now;
      first_ = progress.rows;
      copying_ = copying;
    }
    if (!terminal_ && progress.table_done && progress.table_rows > 0) {
      fmt::print(stderr, "{}: {} rows are there\n", progress.table, Number(progress.table_rows));
      shown_ = now;
    }
    auto pause = terminal_ ? std::chrono::duration_cast<os::Steady::duration>(kRedraw)
                           : std::chrono::duration_cast<os::Steady::duration>(kLine);
    if (now - shown_ < pause) return;
    shown_ = now;
    std::string line = Line(progress, std::chrono::duration<double>(now - *began_).count());
    fmt::print(stderr, "{}{}{}", terminal_ ? "\r\x1b[K" : "", line, terminal_ ? "" : "\n");
    drawn_ = terminal_;
    std::fflush(stderr);
  }
  void End() {
    if (std::exchange(drawn_, false)) fmt::print(stderr, "\r\x1b[K");
  }

 private:
  std::string Line(const TransferProgress& progress, double seconds) const {
    double rate = static_cast<double>(progress.rows - first_) / std::max(seconds, 0.001);
    auto left = rate > 0 ? static_cast<std::int64_t>(
                               static_cast<double>(progress.total - progress.rows) / rate)
                         : 0;
    return fmt::format("{} {}: {} of {} rows, {} rows/s, {}:{:02} left",
                       copying_ ? "Copying" : "Comparing", progress.table.substr(11),
                       Number(progress.rows), Number(progress.total),
                       Number(static_cast<std::int64_t>(rate)), std::max<std::int64_t>(0, left / 60),
                       std::max<std::int64_t>(0, left % 60));
  }

  const bool terminal_ = cli::IsTerminal(STDERR_FILENO);
  bool copying_ = true;
  bool drawn_ = false;
  std::optional<os::Steady> began_;
  os::Steady shown_{};
  std::int64_t first_ = 0;
};

// The lock of the data directory that the file lies in, if it lies in one: its server names itself.
Result<os::Descriptor> LockDirectoryOf(const std::string& database) {
  std::string path = (std::filesystem::path(database).parent_path() / "server.lock").string();
  os::Descriptor lock(open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!lock || flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
  auto holder = ReadWholeFile(path, 100);
  return Fail(ErrorCode::kConflict,
              fmt::format("{} is served by the server with pid {}: stop it first.", database,
                          holder ? std::atoi(holder->c_str()) : 0));
}

void PrintTables(const TransferReport& report, bool dry_run) {
  fmt::print("{:<26} {:>14}  {}\n", "TABLE", "ROWS", dry_run ? "" : "SHA-256 OF THEM");
  for (const store::TableProof& proof : report.tables) {
    std::string digest = dry_run ? "" : proof.digest_from;
    if (!dry_run && !proof.same())
      digest = fmt::format("DIFFERENT: {} rows in the target, {} difference(s)",
                           Number(proof.rows_to), Number(proof.differences));
    fmt::print("{:<26} {:>14}  {}\n", proof.table, Number(proof.rows_from), digest);
  }
}

void PrintNamed(const std::vector<std::string>& named, std::int64_t all) {
  for (const std::string& line : named) fmt::print("  {}\n", os::Visible(line));
  if (auto more = all - static_cast<std::int64_t>(named.size()); more > 0)
    fmt::print("  ... and {} more of that table\n", Number(more));
}

// What is not as it was, by name.
void PrintFindings(const TransferReport& report, bool dry_run) {
  std::int64_t replaced = 0, different = 0;
  for (const store::TableProof& proof : report.tables) {
    replaced += proof.replaced;
    different += proof.differences;
  }
  if (replaced > 0) {
    fmt::print("\n{} value(s) {} replaced, since not every database can hold them:\n",
               Number(replaced), dry_run ? "would be" : "were");
    for (const auto& proof : report.tables) PrintNamed(proof.replaced_named, proof.replaced);
  }
  if (!report.refused.empty()) {
    fmt::print("\n{} row(s) were refused by the target:\n", Number(std::ssize(report.refused)));
    constexpr std::size_t kShown = 50;
    std::vector<std::string> first(
        report.refused.begin(),
        report.refused.begin() + std::min(std::ssize(report.refused), std::ptrdiff_t{kShown}));
    PrintNamed(first, std::ssize(report.refused));
  }
  if (different > 0) {
    fmt::print("\n{} difference(s):\n", Number(different));
    for (const auto& proof : report.tables) PrintNamed(proof.named, proof.differences);
  }
}

int Report(const store::TransferOptions& options, const TransferReport& report) {
  bool writes = !options.dry_run && !options.verify_only;
  if (writes) {
    fmt::print("{} {} rows in {:.1f} s ({} rows/s)\n\n", report.resumed ? "Went on: copied" : "Copied",
               Number(report.copied), report.seconds,
               Number(static_cast<std::int64_t>(static_cast<double>(report.copied) /
                                                std::max(report.seconds, 0.001))));
  }
  PrintTables(report, options.dry_run);
  PrintFindings(report, options.dry_run);
  if (options.dry_run) {
    fmt::print("\nNothing was written{}.\n",
               report.resumed ? "; a migration of this target has begun and would go on" : "");
    return std::ranges::any_of(report.tables, [](const auto& t) { return t.differences > 0; }) ? 1 : 0;
  }
  if (report.same()) {
    fmt::print("\nBoth databases hold the same rows.\n");
    if (report.finished)
      fmt::print("Start the servers with --database and the new one. The old one is as it was.\n");
    return 0;
  }
  if (report.finished) fmt::print("\nFinished all the same, as --accept-losses says.\n");
  if (writes && !report.finished)
    fmt::print("\nNot finished: no server starts on the target. Mend the source and use --restart, or "
               "use --accept-losses.\n");
  return 1;
}

}  // namespace

int Migrate(const MigrateOptions& given) {
  store::TransferOptions options{given.from,        given.to,      given.dry_run,
                                 given.verify_only, given.restart, given.accept_losses};
  auto path = store::SqlitePath(options.from);
  if (!path) path = store::SqlitePath(options.to);
  if (!path) return Refuse("one of --from and --to is sqlite:PATH, the other postgres://...");
  auto lock = LockDirectoryOf(*path);
  if (!lock) return Complain(lock.error().detail);
  fmt::print("From {}\nTo   {}\n", WithoutSecrets(options.from), WithoutSecrets(options.to));
  std::fflush(stdout);
  ProgressLine line;
  options.progress = [&line](const TransferProgress& progress) { line.Show(progress); };
  auto report = store::RunTransfer(options);
  line.End();
  if (!report) return Complain(report.error().detail);
  return Report(options, *report);
}

}  // namespace forager::app
