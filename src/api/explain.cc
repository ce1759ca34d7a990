// GET /jobs/{id}/explain: why is this job running, waiting or over.
#include <fmt/format.h>

#include <set>

#include "api/handlers.h"
#include "api/object_writer.h"
#include "api/start_words.h"
#include "job/codec.h"

namespace forager::api {
namespace {

// What the store knows of a pending job's chances, read in one transaction.
struct Facts {
  Job job;
  std::set<std::string> paused;
  store::Store::SlotUse slots;
  bool requested = false;  // needs no further request
  int ready_before = 0;
  std::optional<int> held_by;  // an attempt whose process tree is not proven empty
  store::NodeUse node;         // this server
};

class Reasons {
 public:
  void Add(std::string_view code, std::string_view message) {
    if (!json_.empty()) json_ += ',';
    json_ += ObjectWriter().Text("code", code).Text("message", message).Take();
  }
  bool empty() const { return json_.empty(); }
  std::string Take() { return '[' + std::move(json_) + ']'; }

 private:
  std::string json_;
};

Result<Facts> ReadFacts(store::Store& store, const std::string& job_id, const std::string& node) {
  Facts facts;
  auto job = store.Find(job_id);
  if (!job) return std::unexpected(job.error());
  facts.job = std::move(*job);
  if (facts.job.attempt > 0) {
    auto attempts = store.Attempts(job_id);
    if (!attempts) return std::unexpected(attempts.error());
    for (const Attempt& attempt : *attempts) {
      if (!attempt.released_at) facts.held_by = attempt.ref.attempt;
    }
  }
  if (facts.job.status != State::kPending) return facts;
  auto paused = store.Paused();
  if (!paused) return std::unexpected(paused.error());
  facts.paused = std::move(*paused);
  auto slots = store.Slots(facts.job.entity_type, HostOf(facts.job.target_url.value_or("")));
  if (!slots) return std::unexpected(slots.error());
  facts.slots = std::move(*slots);
  auto requested = store.IsRequested(job_id);
  if (!requested) return std::unexpected(requested.error());
  facts.requested = *requested;
  auto use = store.UseOfNode(node);
  if (!use) return std::unexpected(use.error());
  facts.node = *use;
  auto before = store.ReadyBefore(job_id);
  if (!before) return std::unexpected(before.error());
  facts.ready_before = *before;
  return facts;
}

void ExplainLimits(const Call& call, const Facts& facts, Reasons& reasons) {
  store::ClaimLimits limits = call.control().limits();
  std::string holders = facts.slots.holders.empty()
                            ? ""
                            : fmt::format("; held by {}", fmt::join(facts.slots.holders, ", "));
  if (facts.slots.total >= limits.total) {
    reasons.Add("limit_reached", fmt::format("{} of {} slots are in use{}.", facts.slots.total,
                                             limits.total, holders));
  }
  auto type = limits.per_type.find(facts.job.entity_type);
  if (type != limits.per_type.end() && facts.slots.of_type >= type->second) {
    reasons.Add("type_limit",
                fmt::format("{} of {} slots of entity type {} are in use.", facts.slots.of_type,
                            type->second, facts.job.entity_type));
  }
  std::string host = HostOf(facts.job.target_url.value_or(""));
  if (limits.per_host > 0 && !host.empty() && facts.slots.of_host >= limits.per_host) {
    reasons.Add("host_limit", fmt::format("{} of {} slots of host {} are in use.",
                                          facts.slots.of_host, limits.per_host, host));
  }
}

// What keeps this server from starting anything; others of the same database may.
void ExplainNode(const Call& call, const store::NodeUse& node, Reasons& reasons) {
  if (node.draining) reasons.Add("draining", DrainedWords(call.control().node()));
  int capacity = call.control().capacity();
  if (capacity > 0 && node.attempts >= capacity) reasons.Add("node_full", NodeFullWords(capacity));
  if (auto why = call.control().why_no_start()) reasons.Add(why->code, why->words);
}

void ExplainPending(const Call& call, const Facts& facts, Reasons& reasons) {
  const Job& job = facts.job;
  if (facts.paused.contains("")) reasons.Add("paused", "Dispatch is paused.");
  if (facts.paused.contains(job.entity_type)) {
    reasons.Add("type_paused", "Dispatch of entity type " + job.entity_type + " is paused.");
  }
  bool retry = job.tries_used > 0 || job.interruptions > 0;
  if (job.run_at && *job.run_at > call.Now()) {
    reasons.Add(retry ? "backoff" : "run_at",
                fmt::format("It waits {} until {}.", retry ? "for its next try" : "for its time",
                            FormatRfc3339(*job.run_at)));
  }
  if (facts.held_by) {
    reasons.Add("slot_held", fmt::format("Attempt {} is not yet proven dead and holds its slot.",
                                         *facts.held_by));
  }
  ExplainNode(call, facts.node, reasons);
  ExplainLimits(call, facts, reasons);
  if (!call.control().automatic() && !facts.requested) {
    reasons.Add("on_request",
                "Dispatch is on request: POST /jobs/execute-pending starts the next pending job.");
  }
  if (facts.ready_before > 0) {
    reasons.Add("queued",
                fmt::format("{}{} ready job(s) go before it.",
                            facts.ready_before >= 1'000 ? "At least " : "", facts.ready_before));
  }
  if (reasons.empty()) reasons.Add("ready", "It is next and starts as soon as dispatch looks.");
}

void ExplainLife(const Job& job, const std::vector<LiveAttempt>& live, Reasons& reasons) {
  for (const LiveAttempt& attempt : live) {
    if (attempt.ref == AttemptRef{job.job_id, job.attempt} && !attempt.stopping)
      reasons.Add("signs_of_life", attempt.signs);
  }
}

void ExplainRunning(const Call& call, const Job& job, Reasons& reasons) {
  std::string since;
  if (job.started_at && *job.started_at <= call.Now()) {
    auto seconds = std::chrono::duration_cast<std::chrono::seconds>(call.Now() - *job.started_at);
    since = fmt::format(" for {} s", seconds.count());
  }
  std::string at;
  if (job.progress.percent) at += fmt::format(", {}% done", *job.progress.percent);
  if (job.progress.stage) at += ", stage " + *job.progress.stage;
  if (job.node) {
    reasons.Add("running", fmt::format("Attempt {} runs{}{}.", job.attempt, since, at));
  } else {
    reasons.Add("no_process",
                fmt::format("It was set to running{} by hand: no process is behind it, and "
                            "the monitor resets it when its time is over.",
                            since));
  }
  if (auto wait = call.control().turn_wait({job.job_id, job.attempt})) {
    reasons.Add("host_budget",
                fmt::format("It waits {} s for its turn at {} (1 request per {}, shared by all "
                            "servers).",
                            std::chrono::ceil<std::chrono::seconds>(wait->left).count(), wait->host,
                            FormatDuration(wait->interval)));
  }
  if (job.cancel_requested_at) {
    reasons.Add("cancel_requested", "Its cancellation was requested at " +
                                        FormatRfc3339(*job.cancel_requested_at) + ".");
  }
}

void ExplainFinished(const Facts& facts, Reasons& reasons) {
  const Job& job = facts.job;
  std::string when = job.completed_at ? " at " + FormatRfc3339(*job.completed_at) : "";
  std::string why = job.error_message ? ": " + *job.error_message : ".";
  reasons.Add(Name(job.status),
              fmt::format("It was {}{}{}",
                          job.status == State::kFailed ? "marked failed" : Name(job.status), when,
                          job.status == State::kFailed ? why : "."));
  if (facts.held_by) {
    reasons.Add("slot_held", fmt::format("Attempt {} is not yet proven dead and holds its slot.",
                                         *facts.held_by));
  }
}

Result<http::Response> Explained(const Call& call, const std::vector<LiveAttempt>& live,
                                 store::Store& store) {
  Result<Facts> facts = ReadFacts(store, call.id, call.control().node());
  if (!facts) return std::unexpected(facts.error());
  const Job& job = facts->job;
  Reasons reasons;
  if (job.status == State::kPending)
    ExplainPending(call, *facts, reasons);
  else if (job.status == State::kRunning)
    ExplainRunning(call, job, reasons);
  else
    ExplainFinished(*facts, reasons);
  if (job.status == State::kRunning) ExplainLife(job, live, reasons);
  if (job.status == State::kPending && !call.control().types()->Find(job.entity_type)) {
    reasons.Add("unknown_entity_type", "No collector serves the entity type " + job.entity_type +
                                           "; it will fail when it runs.");
  }
  return Json(200, ObjectWriter()
                       .Text("job_id", job.job_id)
                       .Text("status", Name(job.status))
                       .Raw("reasons", reasons.Take())
                       .Take());
}

}  // namespace

// What the attempt does is known to the loop alone, and asked first.
void ExplainJob(CallPtr call) {
  call->control().LiveAttempts(call->id, [call](std::vector<LiveAttempt> live) {
    auto answer = std::make_shared<http::Response>();
    call->store().Read(
        [call, live = std::move(live), answer](store::Store& store) -> Result<void> {
          Result<http::Response> explained = Explained(*call, live, store);
          if (!explained) return std::unexpected(explained.error());
          *answer = std::move(*explained);
          return {};
        },
        [call, answer](Result<void> read) {
          read ? call->Send(std::move(*answer)) : call->Send(read.error());
        });
  });
}

}  // namespace forager::api
