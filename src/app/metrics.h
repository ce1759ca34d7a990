// What GET /metrics tells Prometheus: counters and histograms that are fed as things happen, and
// gauges that are read at the scrape. Labels are bounded: entity types without a collector of their
// own are counted together as "other". Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/control.h"
#include "http/server.h"
#include "job/type_catalog.h"
#include "scheduler/monitor.h"
#include "scheduler/recorder.h"
#include "store/store_service.h"
#include "supervisor/supervisor.h"

namespace forager::app {

class Metrics {
 public:
  Metrics();
  ~Metrics();

  // The types that have a label of their own.
  void SetTypes(const TypeCatalog& types);

  // As it happens.
  void Claimed(const Job& job);
  void Started(const Job& job, WallTime now);
  void Ended(const scheduler::Ending& ending, const scheduler::Written& written);
  void Wrote(double seconds, bool failed);  // one unit of work, from its call to its answer
  void Read(double seconds, bool failed);

  // What only the event loop knows, copied for other threads.
  struct LoopView {
    supervisor::Supervisor::Figures supervised;
    std::size_t live = 0, owned = 0, unwritten = 0;
    std::uint64_t late_words = 0, refused = 0;
    std::size_t held_bytes = 0;
    std::map<scheduler::Monitor::ResetKind, std::uint64_t> resets;
    scheduler::Monitor::Status monitor;
  };
  struct Reading {
    api::JobFigures jobs;
    LoopView loop;
    store::StoreService::Figures store;
    store::Health health;
    http::Server::Figures http;
    std::size_t waiting_requests = 0;
    std::optional<int> stuck_running{};  // none: not known
    int max_running = 0;
    std::uint64_t disk_free_bytes = 0;
    std::string version;
  };
  std::string Write(const Reading& reading) const;  // text format 0.0.4

 private:
  struct Series;
  std::unique_ptr<Series> series_;
};

}  // namespace forager::app
