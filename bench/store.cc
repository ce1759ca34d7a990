// How fast the store is, alone: bulk inserts, claim and complete in groups, and the latency of
// claim, list and stats in a full table. Usage: bench_store FILE|postgres://... [ROWS [SERVERS]]; with
// SERVERS, how fast that many claim and complete from one database at once.
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <thread>

#include "store/store_service.h"

namespace forager::store {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int kGroup = 1'000;
const std::map<std::string, int> kPriorities{{"property", 5}};

WallTime Now() { return std::chrono::floor<Millis>(std::chrono::system_clock::now()); }

double Seconds(SteadyClock::time_point since) {
  return std::chrono::duration<double>(SteadyClock::now() - since).count();
}

void Must(const Result<void>& result) {
  if (result) return;
  std::fprintf(stderr, "%s\n", result.error().detail.c_str());
  std::exit(1);
}

std::vector<NewJob> AGroup(std::int64_t first) {
  std::vector<NewJob> jobs(kGroup);
  for (int i = 0; i < kGroup; ++i) {
    jobs[i].entity_type = i % 4 ? "property" : "builder";
    jobs[i].job_type = "discovery";
    jobs[i].search_query = "homes near the river";
    jobs[i].target_url = "https://site" + std::to_string((first + i) % 100) + ".example/page";
  }
  return jobs;
}

void Insert(StoreService& service, std::int64_t rows) {
  auto start = SteadyClock::now();
  for (std::int64_t done = 0; done < rows; done += kGroup) {
    auto jobs = AGroup(done);
    Must(service.WriteAndWait([&](Store& store) -> Result<void> {
      auto ids = store.SubmitMany(jobs, kPriorities, 1LL << 40, Now());
      if (!ids) return std::unexpected(ids.error());
      return {};
    }));
  }
  std::printf("insert %lld in groups of %d: %.0f/s\n", static_cast<long long>(rows), kGroup,
              static_cast<double>(rows) / Seconds(start));
}

void ClaimAndComplete(StoreService& service, int rounds, int count) {
  auto start = SteadyClock::now();
  std::int64_t jobs = 0;
  for (int i = 0; i < rounds; ++i) {
    std::vector<Job> claimed;
    ClaimRequest request{"bench", Millis{15'000}, {count, 0, {}}, count, false, {}};
    Must(service.WriteAndWait([&](Store& store) -> Result<void> {
      auto result = store.Claim(request, Now());
      if (!result) return std::unexpected(result.error());
      claimed = result->jobs;
      return {};
    }));
    Must(service.WriteAndWait([&](Store& store) -> Result<void> {
      for (const Job& job : claimed) {
        AttemptFinal final;
        final.news.ref = {job.job_id, job.attempt};
        final.outcome = "completed";
        final.released = true;
        if (!store.Complete(final, Now())) return Fail(ErrorCode::kInternal, "not completed");
      }
      return {};
    }));
    jobs += static_cast<std::int64_t>(claimed.size());
  }
  std::printf("claim and complete in groups of %d: %.0f/s\n", count,
              static_cast<double>(jobs) / Seconds(start));
}

void Latency(const char* name, int times, const std::function<void()>& once) {
  std::vector<double> ms;
  for (int i = 0; i < times; ++i) {
    auto start = SteadyClock::now();
    once();
    ms.push_back(Seconds(start) * 1'000);
  }
  std::ranges::sort(ms);
  std::printf("%-32s p50 %.2f ms  p99 %.2f ms\n", name, ms[ms.size() / 2],
              ms[ms.size() * 99 / 100]);
}

void ListOnce(StoreService& service, const ListRequest& request) {
  Must(service.ReadAndWait([&](Store& store) -> Result<void> {
    auto page = store.List(request);
    if (!page) return std::unexpected(page.error());
    return {};
  }));
}

void Latencies(StoreService& service) {
  Latency("claim + complete of one", 300, [&] {
    std::vector<Job> claimed;
    Must(service.WriteAndWait([&](Store& store) -> Result<void> {
      claimed = store.Claim({"bench", Millis{15'000}, {1, 1, {}}, 1, false, {}}, Now())->jobs;
      for (const Job& job : claimed) {
        AttemptFinal final;
        final.news.ref = {job.job_id, job.attempt};
        final.outcome = "completed";
        final.released = true;
        if (!store.Complete(final, Now())) return Fail(ErrorCode::kInternal, "not completed");
      }
      return {};
    }));
  });
  Latency("stats", 300, [&] {
    Must(service.ReadAndWait([&](Store& store) -> Result<void> {
      if (!store.GetStats(Now())) return Fail(ErrorCode::kInternal, "no stats");
      return {};
    }));
  });
  ListRequest request;
  Latency("list", 300, [&] { ListOnce(service, request); });
  request.filter.status = {State::kPending};
  Latency("list status=pending", 300, [&] { ListOnce(service, request); });
  request.filter.entity_type = "builder";
  Latency("list status, entity_type", 300, [&] { ListOnce(service, request); });
  request.filter.status.clear();
  Latency("list entity_type", 300, [&] { ListOnce(service, request); });
  request.page = 500;
  Latency("list entity_type, page 500", 50, [&] { ListOnce(service, request); });
  request.page = 1;
  request.filter.entity_type.reset();
  request.filter.q = "river";
  Latency("list q=river", 20, [&] { ListOnce(service, request); });
  request.filter.q.reset();
  request.filter.job_type = "inventory";
  Latency("list job_type of none", 3, [&] {
    auto answer = service.ReadAndWait([&](Store& store) -> Result<void> {
      auto page = store.List(request);
      if (!page) return std::unexpected(page.error());
      return {};
    });
    if (!answer) std::printf("  %s\n", answer.error().detail.c_str());
  });
}

// Each server has a service of its own, and takes eight jobs at a time under one limit for all.
void ManyServers(const StoreOptions& options, int servers, std::int64_t jobs) {
  std::vector<std::unique_ptr<StoreService>> services;
  for (int i = 0; i < servers; ++i) services.push_back(StoreService::Open(options).value());
  std::atomic<std::int64_t> completed = 0;
  std::vector<std::thread> threads;
  auto start = SteadyClock::now();
  for (auto& service : services) {
    threads.emplace_back([&] {
      while (completed < jobs) {
        std::vector<Job> claimed;
        Must(service->WriteAndWait([&](Store& store) -> Result<void> {
          auto result = store.Claim({"bench", Millis{15'000}, {64, 0, {}}, 8, false, {}}, Now());
          if (!result) return std::unexpected(result.error());
          claimed = result->jobs;
          return {};
        }));
        std::atomic<int> left = static_cast<int>(claimed.size());
        for (const Job& job : claimed) {
          AttemptFinal final;
          final.news.ref = {job.job_id, job.attempt};
          final.outcome = "completed";
          final.released = true;
          service->Write(
              [final](Store& store) -> Result<void> {
                auto done = store.Complete(final, Now());
                if (!done) return std::unexpected(done.error());
                return {};
              },
              [&](const Result<void>& done) {
                Must(done);
                ++completed;
                --left;
                left.notify_one();
              });
        }
        for (int now = left; now > 0; now = left) left.wait(now);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::printf("claim + complete by %d servers: %.0f/s\n", servers,
              static_cast<double>(completed) / Seconds(start));
}

int Main(int argc, char** argv) {
  if (argc < 2) return 2;
  std::int64_t rows = argc > 2 ? std::atoll(argv[2]) : 1'000'000;
  std::string database = argv[1];
  StoreOptions options;
  (database.starts_with("postgres") ? options.postgres : options.path) = database;
  auto service = StoreService::Open(options);
  if (!service) {
    std::fprintf(stderr, "%s\n", service.error().detail.c_str());
    return 1;
  }
  Insert(**service, rows);
  if (argc > 3) {
    service->reset();
    ManyServers(options, std::atoi(argv[3]), rows / 2);
    return 0;
  }
  ClaimAndComplete(**service, 200, 100);
  Latencies(**service);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("peak memory %ld MiB, log %llu MiB\n", usage.ru_maxrss / 1'024,
              static_cast<unsigned long long>((*service)->figures().wal_bytes >> 20));
  return 0;
}

}  // namespace
}  // namespace forager::store

int main(int argc, char** argv) { return forager::store::Main(argc, argv); }
