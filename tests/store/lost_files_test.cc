// The database's files are removed, replaced or damaged under the service: from then on nothing is
// acknowledged, until it is opened again.
#include <gmock/gmock.h>

#include <fstream>
#include <thread>

#include "tests/store/store_fixture.h"

namespace forager::store {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class LostFiles : public StoreTest {
 protected:
  // Nothing is acknowledged, and for good.
  void ExpectLost(const std::string& words) {
    for (int i = 0; i < 3; ++i) {
      auto answer = Do([&](Store& s) { return s.Submit(AJob(), 5, 1'000, now_); });
      ASSERT_FALSE(answer);
      EXPECT_EQ(answer.error().code, ErrorCode::kUnavailable);
      EXPECT_THAT(answer.error().detail, HasSubstr(words));
      EXPECT_THAT(answer.error().detail, HasSubstr("start it again"));
    }
    EXPECT_TRUE(WaitForLoss());
  }
  bool WaitForLoss() {
    auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!service_->health().lost && std::chrono::steady_clock::now() < deadline)
      std::this_thread::yield();
    return service_->health().lost && !service_->health().ok;
  }
};
INSTANTIATE_TEST_SUITE_P(Sqlite, LostFiles, ::testing::Values(Driver::kSqlite));

TEST_P(LostFiles, ARemovedDatabaseTakesNothingMore) {
  Submitted();
  fs::remove(path_);
  ExpectLost("removed or replaced");
  EXPECT_FALSE(fs::exists(path_)) << "and no empty one is put in its place";
  service_.reset();
  EXPECT_FALSE(fs::exists(path_ + "-wal")) << "the next database of that name must not get its log";
}

TEST_P(LostFiles, ADatabaseRemovedWhileNobodyWritesIsNoticed) {
  Submitted();
  fs::remove(path_);
  EXPECT_TRUE(WaitForLoss());
  EXPECT_THAT(service_->health().reason, HasSubstr("removed or replaced"));
  service_.reset();
}

TEST_P(LostFiles, AMovedDatabaseKeepsItsLog) {
  std::string job = Submitted();
  fs::rename(path_, path_ + ".moved");
  ExpectLost("removed or replaced");
  service_.reset();
  fs::rename(path_ + ".moved", path_);
  OpenStore();
  EXPECT_EQ(Look(job).job_id, job);
}

TEST_P(LostFiles, AReplacedDatabaseDoesNotGetTheLogOfTheOld) {
  std::string job = Submitted();
  auto copy = folder_.File("copy.db");
  {
    Shell shell(path_);
    shell.Run("VACUUM INTO '" + copy + "'");
  }
  Submitted();
  fs::rename(copy, path_);
  ExpectLost("removed or replaced");
  service_.reset();
  OpenStore();
  EXPECT_EQ(Look(job).job_id, job);
  ExpectExact();
}

TEST_P(LostFiles, ARemovedLogOrIndexIsALoss) {
  for (const char* ending : {"-wal", "-shm"}) {
    Submitted();
    fs::remove(path_ + ending);
    ExpectLost("removed or replaced");
    service_.reset();
    OpenStore();
  }
}

TEST_P(LostFiles, AFileCutShortIsDamaged) {
  Submitted();
  fs::resize_file(path_, 0);
  ExpectLost("damaged");
  EXPECT_TRUE(fs::exists(path_ + "-wal"));
  service_.reset();
}

TEST_P(LostFiles, AFileWithAnotherBeginningIsDamaged) {
  Submitted();
  {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.write(std::string(4'096, 'x').data(), 4'096);
  }
  ExpectLost("damaged");
  service_.reset();
}

TEST_P(LostFiles, WhatAPersonWithAShellMayDoIsNoLoss) {
  for (int i = 0; i < 200; ++i) Submitted();
  Shell shell(path_);
  shell.Run("DELETE FROM collection_jobs");
  shell.Run("PRAGMA wal_checkpoint(TRUNCATE)");
  Submitted();
  shell.Run("VACUUM");
  shell.Run("PRAGMA wal_checkpoint(TRUNCATE)");
  shell.Run("CREATE INDEX of_mine ON collection_jobs (search_query)");
  for (int i = 0; i < 50; ++i) Submitted();
  EXPECT_TRUE(service_->health().ok) << service_->health().reason;
}

}  // namespace
}  // namespace forager::store
