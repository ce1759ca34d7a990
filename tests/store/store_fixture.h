// A store on a file of its own, with the verbs of the contract, for the tests of this folder. The
// driver is a parameter: a second one joins the list in store_fixture.cc and every sentence is told
// of it too.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "store/store_service.h"

struct sqlite3;

namespace forager::store {

// A person with a database shell: another connection, no functions but the built-in ones.
class Shell {
 public:
  explicit Shell(const std::string& path);
  ~Shell();
  // Empty when it worked, else the message.
  std::string Try(const std::string& sql);
  void Run(const std::string& sql);
  // The first column of the first row; "NULL" for null, "" for no row.
  std::string Ask(const std::string& sql);

 private:
  sqlite3* handle_ = nullptr;
};

class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  std::string File(const std::string& name) const { return (path_ / name).string(); }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

enum class Driver { kSqlite };

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

  TemporaryFolder folder_;
  std::string path_ = folder_.File("forager.db");
  WallTime now_{Millis{1'790'000'000'123}};
  std::unique_ptr<StoreService> service_;
};

}  // namespace forager::store
