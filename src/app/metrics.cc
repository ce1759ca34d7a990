#include "app/metrics.h"

#include <fmt/format.h>

namespace forager::app {
namespace {

void Head(std::string& out, std::string_view name, std::string_view type, std::string_view help) {
  out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

template <typename T>
void One(std::string& out, std::string_view name, std::string_view type, std::string_view help,
         T value) {
  Head(out, name, type, help);
  out += fmt::format("{} {}\n", name, value);
}

}  // namespace

std::string WriteMetrics(const scheduler::Recorder& recorder,
                         const supervisor::Supervisor& supervisor, const store::StoreService& store,
                         const http::Server::Figures& http, std::int64_t resets) {
  std::string out;
  const auto& recorded = recorder.figures();
  Head(out, "forager_attempts_ended_total", "counter", "Attempts that ended, by outcome.");
  for (const auto& [outcome, count] : recorded.outcomes) {
    out += fmt::format("forager_attempts_ended_total{{outcome=\"{}\"}} {}\n", outcome, count);
  }
  One(out, "forager_late_words_total", "counter", "Words of fenced attempts that were refused.",
      recorded.late_words);
  One(out, "forager_retries_total", "counter", "Automatic retries.", recorded.retries);
  One(out, "forager_resets_total", "counter", "Jobs reset by the monitor or on request.", resets);
  One(out, "forager_outcomes_waiting", "gauge",
      "Outcomes that wait for a store that cannot be written.", recorder.unwritten());
  auto supervised = supervisor.figures();
  One(out, "forager_attempts_started_total", "counter", "Attempts whose process was started.",
      supervised.started);
  One(out, "forager_attempts_killed_total", "counter", "Attempts that were killed.",
      supervised.killed);
  One(out, "forager_keeper_restarts_total", "counter",
      "Keepers that died or froze and were replaced.", supervised.keeper_restarts);
  One(out, "forager_slots_quarantined", "gauge", "Slots held by processes that cannot be killed.",
      supervised.quarantined);
  One(out, "forager_attempts_live", "gauge", "Attempts whose process tree is not proven empty.",
      supervisor.Live().size());
  auto stored = store.figures();
  One(out, "forager_store_commits_total", "counter", "Transactions committed.", stored.commits);
  One(out, "forager_store_writes_total", "counter", "Units of work written; many share a commit.",
      stored.writes);
  One(out, "forager_store_failed_commits_total", "counter",
      "Transactions that could not be committed.", stored.failed_commits);
  One(out, "forager_store_queue", "gauge", "Units of work that wait for the writer.", stored.queue);
  One(out, "forager_store_wal_bytes", "gauge", "Size of the write-ahead log.", stored.wal_bytes);
  One(out, "forager_http_requests_total", "counter", "Requests answered.", http.requests);
  One(out, "forager_http_connections", "gauge", "Open connections.", http.connections);
  One(out, "forager_http_refused_total", "counter", "Connections refused at the limit.",
      http.refused);
  return out;
}

}  // namespace forager::app
