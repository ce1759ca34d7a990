// A store of its own, with the verbs of the contract, for the tests of this folder. The driver is a
// parameter: every sentence is told of both.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "store/store_service.h"

struct sqlite3;
struct pg_conn;

namespace forager::store {

enum class Driver { kSqlite, kPostgres };

// A person with a database shell: another connection, no functions but the built-in ones.
class Shell {
 public:
  explicit Shell(const StoreOptions& options);
  explicit Shell(const std::string& path);
  Shell(const Shell&) = delete;
  Shell& operator=(const Shell&) = delete;
  ~Shell();
  // Empty when it worked, else the message.
  std::string Try(const std::string& sql);
  void Run(const std::string& sql);
  // The first column of the first row; "NULL" for null, "" for no row.
  std::string Ask(const std::string& sql);

 private:
  sqlite3* handle_ = nullptr;
  pg_conn* connection_ = nullptr;
};

// A schema of its own in the PostgreSQL server of the tests, which is started when it is not there.
std::string MakePostgresSchema();

class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  std::string File(const std::string& name) const { return (path_ / name).string(); }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

class StoreTest : public ::testing::TestWithParam<Driver> {
 protected:
  void SetUp() override;
  void TearDown() override;

  void OpenStore();
  // Runs `work` as one unit and returns what it made.
  template <typename Work>
  auto Do(Work work) -> decltype(work(std::declval<Store&>())) {
    decltype(work(std::declval<Store&>())) made{};
    auto done = service_->WriteAndWait([&](Store& store) -> Result<void> {
      made = work(store);
      if (!made) return std::unexpected(made.error());
      return {};
    });
    if (!done) return std::unexpected(done.error());
    return made;
  }

  static NewJob AJob(const std::string& entity_type = "property", const std::string& url = "");
  void Advance(Millis by) { now_ += by; }

  std::string Submitted(const NewJob& job = AJob());
  // Submits and claims; nothing else may be pending.
  AttemptRef Running(const NewJob& job = AJob());
  // A job in that state.
  std::string In(State state);
  Job Look(const std::string& job_id);
  ClaimResult Claim(ClaimRequest request = {});
  AttemptFinal Final(const AttemptRef& ref, const std::string& outcome = "completed",
                     bool released = true);
  bool Complete(const AttemptRef& ref);
  bool Fail(const AttemptRef& ref);
  bool Retry(const AttemptRef& ref, Millis delay, bool counts_crash = false);
  Stats Figures();
  ListRequest Everything();
  // Counters, lanes and slots against a count of the rows themselves.
  void ExpectExact();

  bool OnSqlite() const { return GetParam() == Driver::kSqlite; }
  // "now" less so much, as this database's shell says it.
  std::string Ago(const std::string& how_long) const;
  std::string Now() const;

  TemporaryFolder folder_;
  std::string path_ = folder_.File("forager.db");
  StoreOptions options_;
  WallTime now_{Millis{1'790'000'000'123}};
  std::unique_ptr<StoreService> service_;
};

#define FORAGER_ON_BOTH_DRIVERS(suite)                                                  \
  INSTANTIATE_TEST_SUITE_P(, suite, ::testing::Values(Driver::kSqlite, Driver::kPostgres), \
                           [](const auto& info) {                                         \
                             return info.param == Driver::kSqlite ? "Sqlite" : "Postgres"; \
                           })

}  // namespace forager::store
