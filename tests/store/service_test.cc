// The service around the store: group commit, crashes, full disks, locks, files that are no good.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <fstream>
#include <mutex>

#include "tests/store/store_fixture.h"

namespace forager::store {
namespace {

using ::testing::HasSubstr;

class Service : public StoreTest {
 protected:
  // Waits for answers of Write, with a deadline.
  class Answers {
   public:
    StoreService::Done Next() {
      return [this](Result<void> result) {
        std::lock_guard lock(mutex_);
        (result ? good_ : bad_)++;
        if (!result) last_ = result.error();
        changed_.notify_all();
      };
    }
    bool WaitFor(int count) {
      std::unique_lock lock(mutex_);
      return changed_.wait_for(lock, std::chrono::seconds(20),
                               [&] { return good_ + bad_ >= count; });
    }
    int good_ = 0, bad_ = 0;
    Error last_;

   private:
    std::mutex mutex_;
    std::condition_variable changed_;
  };

  Error OpenFails() {
    service_.reset();
    auto opened = StoreService::Open({.path = path_});
    EXPECT_FALSE(opened);
    return opened ? Error{} : opened.error();
  }
  // Runs `sql` as a person until the store has what it needs again.
  void WaitForHealth(bool ok) {
    auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (service_->health().ok != ok && std::chrono::steady_clock::now() < deadline)
      std::this_thread::yield();
    EXPECT_EQ(service_->health().ok, ok);
  }
};
INSTANTIATE_TEST_SUITE_P(Sqlite, Service, ::testing::Values(Driver::kSqlite));

// Groups: units of many callers in one transaction.
class Groups : public Service {
 protected:
  // Nothing of the group is run before all of it waits.
  void HoldTheWriter() {
    {
      std::lock_guard lock(mutex_);
      go_ = false;
    }
    service_->Write(
        [this](Store&) -> Result<void> {
          std::unique_lock lock(mutex_);
          changed_.wait_for(lock, std::chrono::seconds(10), [&] { return go_; });
          return {};
        },
        held_.Next());
  }
  void LetTheWriterGo() {
    {
      std::lock_guard lock(mutex_);
      go_ = true;
    }
    changed_.notify_all();
    ASSERT_TRUE(held_.WaitFor(++holds_));
  }
  std::function<Result<void>(Store&)> SubmitThen(std::function<Result<void>()> then) {
    return [this, then](Store& store) -> Result<void> {
      if (auto job = store.Submit(AJob(), 5, 1'000, now_); !job)
        return std::unexpected(job.error());
      return then();
    };
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool go_ = false;
  int holds_ = 0;
  Answers held_;
};
FORAGER_ON_BOTH_DRIVERS(Groups);

TEST_P(Groups, OneFailingUnitDoesNotHurtTheOthers) {
  Answers answers;
  HoldTheWriter();
  for (int i = 0; i < 100; ++i) {
    service_->Write(SubmitThen([i]() -> Result<void> {
                      if (i % 50 == 3) return forager::Fail(ErrorCode::kConflict, "no");
                      if (i % 50 == 4) throw std::runtime_error("thrown");
                      return {};
                    }),
                    answers.Next());
  }
  LetTheWriterGo();
  ASSERT_TRUE(answers.WaitFor(100));
  EXPECT_EQ(answers.good_, 96);
  EXPECT_EQ(Figures().pending_jobs, 96);
  EXPECT_TRUE(service_->health().ok);
}

TEST_P(Groups, ManyFailingUnitsDoNotHurtTheOthers) {
  Answers answers;
  HoldTheWriter();
  for (int i = 0; i < 200; ++i) {
    service_->Write(SubmitThen([i]() -> Result<void> {
                      if (i % 2 == 0) return forager::Fail(ErrorCode::kConflict, "no");
                      return {};
                    }),
                    answers.Next());
  }
  LetTheWriterGo();
  ASSERT_TRUE(answers.WaitFor(200));
  EXPECT_EQ(answers.good_, 100);
  EXPECT_EQ(Figures().pending_jobs, 100);
}

// What a statement does that nobody waits for is its own unit's fault, however late it shows.
TEST_P(Groups, ARefusedRowIsAnsweredToWhoWroteIt) {
  Answers good, bad;
  HoldTheWriter();
  for (int i = 0; i < 30; ++i) {
    bool is_bad = i % 15 == 7;
    service_->Write(
        [this, is_bad](Store& store) -> Result<void> {
          NewJob job = AJob();
          if (is_bad) job.priority = 99;  // the table's check refuses it
          auto made = store.Submit(job, 5, 1'000, now_);
          if (!made) return std::unexpected(made.error());
          return {};
        },
        is_bad ? bad.Next() : good.Next());
  }
  LetTheWriterGo();
  ASSERT_TRUE(good.WaitFor(28));
  ASSERT_TRUE(bad.WaitFor(2));
  EXPECT_EQ(good.good_, 28);
  EXPECT_EQ(bad.bad_, 2);
  EXPECT_EQ(Figures().pending_jobs, 28);
  EXPECT_TRUE(service_->health().ok);
}

// A unit that changed nothing before it failed needs no second run of the others, whatever it asked
// the database for.
TEST_P(Groups, AUnitThatChangedNothingFailsAlone) {
  std::string running = Submitted();
  ASSERT_EQ(Claim({}).jobs.size(), 1u);
  using Work = std::function<Result<void>(Store&)>;
  auto error_of = [](auto result) -> Result<void> {
    if (!result) return std::unexpected(result.error());
    return {};
  };
  std::vector<std::pair<ErrorCode, Work>> refused{
      {ErrorCode::kNotFound, [&](Store& store) { return error_of(store.Find("JOB-0-NOBODY")); }},
      {ErrorCode::kUnauthorized,
       [&](Store& store) -> Result<void> {
         auto used = store.UseLoginCode("no such code", now_);
         if (!used) return std::unexpected(used.error());
         return *used ? Result<void>{} : forager::Fail(ErrorCode::kUnauthorized, "wrong");
       }},
      {ErrorCode::kNotFound, [&](Store& store) { return store.RevokeToken(4'711, now_); }},
      {ErrorCode::kNotFound, [&](Store& store) { return store.DrainNode("nobody", true); }},
      {ErrorCode::kConflict, [&](Store& store) { return error_of(store.Requeue(running, now_)); }},
      {ErrorCode::kConflict, [&](Store& store) { return store.Delete(running); }},
      {ErrorCode::kUnavailable,
       [&](Store& store) { return error_of(store.Submit(AJob(), 5, 0, now_)); }},
  };
  for (auto& [code, work] : refused) {
    Answers good, bad;
    std::atomic<int> runs = 0;
    HoldTheWriter();
    for (int i = 0; i < 10; ++i) {
      service_->Write(SubmitThen([&runs]() -> Result<void> {
                        ++runs;
                        return {};
                      }),
                      good.Next());
      service_->Write(work, bad.Next());
    }
    LetTheWriterGo();
    ASSERT_TRUE(good.WaitFor(10));
    ASSERT_TRUE(bad.WaitFor(10));
    EXPECT_EQ(good.good_, 10);
    EXPECT_EQ(runs, 10);
    EXPECT_EQ(bad.bad_, 10);
    EXPECT_EQ(bad.last_.code, code) << bad.last_.detail;
  }
  EXPECT_EQ(Figures().pending_jobs, 70);
}

// Ends that wait together read what they need at once; a cancel between them counts.
TEST_P(Groups, EndsSeeWhatCameBeforeThem) {
  std::vector<AttemptRef> refs;
  for (int i = 0; i < 20; ++i) Submitted();
  ClaimRequest request;
  request.count = 20;
  request.limits.total = 20;
  for (const Job& job : Claim(request).jobs) refs.push_back({job.job_id, job.attempt});
  ASSERT_EQ(refs.size(), 20u);
  Answers answers;
  std::vector<Result<bool>> ended(20, false);
  HoldTheWriter();
  for (std::size_t i = 0; i < 20; ++i) {
    if (i == 10) {
      service_->Write(
          [&](Store& store) -> Result<void> {
            auto asked = store.RequestCancel(refs[15].job_id, false, now_);
            if (!asked) return std::unexpected(asked.error());
            return {};
          },
          answers.Next());
    }
    service_->WriteEnd(
        refs[i],
        [&, i](Store& store) -> Result<void> {
          auto job = store.FindToEnd(refs[i]);
          if (!job) return std::unexpected(job.error());
          ended[i] = store.Complete(Final(refs[i]), now_);
          return {};
        },
        answers.Next());
  }
  LetTheWriterGo();
  ASSERT_TRUE(answers.WaitFor(21));
  for (std::size_t i = 0; i < 20; ++i) {
    ASSERT_TRUE(ended[i]);
    EXPECT_EQ(*ended[i], i != 15) << i;
  }
  EXPECT_EQ(Figures().completed_jobs, 19);
}

TEST_P(Service, CommittedTellsWhatChanged) {
  std::mutex mutex;
  std::vector<std::string> ids;
  bool pending = false, orders = false;
  service_->OnCommit([&](const Committed& committed) {
    std::lock_guard lock(mutex);
    ids.insert(ids.end(), committed.job_ids.begin(), committed.job_ids.end());
    pending |= committed.pending_added;
    orders |= committed.orders_added;
  });
  AttemptRef ref = Running();
  ASSERT_TRUE(Do([&](Store& s) { return s.RequestCancel(ref.job_id, false, now_); }));
  service_.reset();  // the observer runs after the answer
  EXPECT_THAT(ids, ::testing::ElementsAre(ref.job_id, ref.job_id, ref.job_id));
  EXPECT_TRUE(pending && orders);
}

TEST_P(Service, AFullQueueIsAnsweredAtOnce) {
  service_.reset();
  service_ = *StoreService::Open({.path = path_, .max_queue = 1});
  std::mutex gate;
  std::unique_lock closed(gate);
  Answers answers;
  auto wait = [&](Store&) -> Result<void> {
    std::lock_guard open(gate);
    return {};
  };
  for (int i = 0; i < 5; ++i) service_->Write(wait, answers.Next());
  EXPECT_TRUE(answers.WaitFor(3));
  EXPECT_EQ(answers.last_.code, ErrorCode::kUnavailable);
  closed.unlock();
  EXPECT_TRUE(answers.WaitFor(5));
}

TEST_P(Service, WhatWasAcknowledgedSurvivesAKill) {
  service_.reset();
  for (int round = 0; round < 5; ++round) {
    int pipe_fds[2];
    ASSERT_EQ(::pipe(pipe_fds), 0);
    pid_t child = ::fork();
    if (child == 0) {
      auto service = StoreService::Open({.path = path_});
      if (!service) ::_exit(1);
      for (;;) {
        std::string id;
        auto done = (*service)->WriteAndWait([&](Store& store) -> Result<void> {
          auto job = store.Submit(AJob(), 5, 1'000'000, now_);
          if (job) id = job->job_id + "\n";
          return {};
        });
        if (!done || ::write(pipe_fds[1], id.data(), id.size()) < 0) ::_exit(1);
      }
    }
    ::close(pipe_fds[1]);
    std::string acknowledged;
    char buffer[4096];
    while (acknowledged.size() < 2'000u * static_cast<unsigned>(round + 1)) {
      ssize_t got = ::read(pipe_fds[0], buffer, sizeof buffer);
      ASSERT_GT(got, 0);
      acknowledged.append(buffer, static_cast<std::size_t>(got));
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    for (ssize_t got; (got = ::read(pipe_fds[0], buffer, sizeof buffer)) > 0;) {
      acknowledged.append(buffer, static_cast<std::size_t>(got));
    }
    ::close(pipe_fds[0]);
    Shell shell(path_);
    for (std::size_t at = 0, end; (end = acknowledged.find('\n', at)) != acknowledged.npos;
         at = end + 1) {
      std::string id = acknowledged.substr(at, end - at);
      ASSERT_EQ(shell.Ask("SELECT count(*) FROM collection_jobs WHERE job_id = '" + id + "'"), "1");
    }
  }
  OpenStore();
}

TEST_P(Service, AShellWithTheWriteLockMakesWritersAnswerNotHang) {
  service_.reset();
  service_ = *StoreService::Open({.path = path_, .busy_timeout = Millis{300}});
  Shell shell(path_);
  shell.Run("BEGIN IMMEDIATE");
  auto start = std::chrono::steady_clock::now();
  auto answer = Do([&](Store& s) { return s.Submit(AJob(), 5, 10, now_); });
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(answer.error().detail, HasSubstr("locked"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  EXPECT_FALSE(service_->health().ok);
  EXPECT_EQ(Figures().total_jobs, 0) << "reads go on";
  shell.Run("ROLLBACK");
  WaitForHealth(true);
  Submitted();
}

TEST_P(Service, AFullDiskIsSaidAndForgottenWhenSpaceReturns) {
  service_.reset();
  std::string mount = folder_.File("small");
  std::filesystem::create_directory(mount);
  if (::mount("tmpfs", mount.c_str(), "tmpfs", 0, "size=2m") != 0) GTEST_SKIP() << "needs root";
  struct Unmount {
    std::string path;
    ~Unmount() { ::umount2(path.c_str(), MNT_DETACH); }
  } unmount{mount};
  auto home = path_;
  path_ = mount + "/forager.db";
  OpenStore();
  std::string first = Submitted();
  std::string ballast = mount + "/ballast";
  {
    std::ofstream fill(ballast);
    std::string block(4096, 'x');
    while (fill.write(block.data(), 4096).flush()) {
    }
  }
  NewJob big = AJob();
  big.search_filters = "{\"a\":\"" + std::string(60'000, 'x') + "\"}";
  Result<Job> answer;
  for (int i = 0; i < 100 && answer; ++i) {
    answer = Do([&](Store& s) { return s.Submit(big, 5, 1'000, now_); });
  }
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(answer.error().detail, HasSubstr("disk"));
  EXPECT_FALSE(service_->health().ok);
  EXPECT_EQ(Look(first).job_id, first);
  std::filesystem::remove(ballast);
  WaitForHealth(true);
  Submitted();
  ExpectExact();
  service_.reset();
  path_ = home;
}

TEST_P(Service, WrongFilesAreRefusedInOneLine) {
  service_.reset();
  std::filesystem::remove(path_ + "-wal");
  {
    Shell shell(path_);
    shell.Run("INSERT INTO collection_schema VALUES (99, 'x')");
  }
  EXPECT_THAT(OpenFails().detail, HasSubstr("schema version 99"));

  path_ = folder_.File("other.db");
  {
    Shell shell(path_);
    shell.Run("CREATE TABLE songs (title)");
  }
  EXPECT_THAT(OpenFails().detail, HasSubstr("another program"));

  path_ = folder_.File("text.db");
  std::ofstream(path_) << std::string(8'192, 'z');
  EXPECT_THAT(OpenFails().detail, HasSubstr("not a database"));

  path_ = folder_.File("no/such/folder/x.db");
  EXPECT_THAT(OpenFails().detail, HasSubstr("folder"));
  path_ = folder_.path();
  EXPECT_THAT(OpenFails().detail, HasSubstr("is not a file"));
}

TEST_P(Service, ADamagedFileIsRefused) {
  for (int i = 0; i < 300; ++i) Submitted();
  service_.reset();
  {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    for (int page = 2; page < 30; ++page) {
      file.seekp(page * 4096);
      file.write(std::string(2'000, '\x7f').data(), 2'000);
    }
  }
  EXPECT_THAT(OpenFails().detail, HasSubstr("damaged"));
}

TEST_P(Service, AReadThatTakesTooLongIsStopped) {
  service_.reset();
  service_ = *StoreService::Open({.path = path_, .read_limit = Millis{1}});
  for (int i = 0; i < 20; ++i) {
    std::vector<NewJob> jobs(1'000, AJob());
    ASSERT_TRUE(Do([&](Store& s) { return s.SubmitMany(jobs, {}, 1'000'000, now_); }));
  }
  ListRequest request = Everything();
  request.filter.q = "nothing has this";
  auto answer = service_->ReadAndWait([&](Store& store) -> Result<void> {
    auto page = store.List(request);
    if (!page) return std::unexpected(page.error());
    return {};
  });
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace forager::store
