#include "store/postgres_connection.h"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <vector>

#include "store/postgres_url.h"

namespace forager::store {
namespace {

using SteadyClock = std::chrono::steady_clock;

struct OptionsFree {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using Options = std::unique_ptr<PQconninfoOption, OptionsFree>;

std::string FirstLine(std::string_view text) {
  std::string line(text.substr(0, text.find('\n')));
  while (!line.empty() && (line.back() == ' ' || line.back() == '\r')) line.pop_back();
  return line;
}

Options Parse(const std::string& url, std::string& wrong) {
  char* message = nullptr;
  Options options(PQconninfoParse(url.c_str(), &message));
  if (!options) {
    wrong = message ? FirstLine(message) : "no memory";
    PQfreemem(message);
  }
  return options;
}

// What the user did not say himself.
constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kDefaults{{
    {"connect_timeout", "5"},
    {"application_name", "forager"},
    {"target_session_attrs", "read-write"},
    {"client_encoding", "UTF8"},
    {"keepalives_idle", "10"},
    {"tcp_user_timeout", "10000"},
}};

struct StateFault {
  std::string_view state;  // SQLSTATE, or its class
  Fault fault;
};
constexpr std::array<StateFault, 16> kFaults{{
    {"40001", Fault::kRace},
    {"40P01", Fault::kRace},
    {"23505", Fault::kRace},  // what it collides with is seen when the unit runs again
    {"26000", Fault::kRace},  // a pooler that forgets prepared statements
    {"42P05", Fault::kRace},  // or remembers those of others
    {"23", Fault::kConstraint},
    {"57014", Fault::kTimeLimit},
    {"55P03", Fault::kBusy},
    {"53100", Fault::kFull},
    {"25006", Fault::kLost},  // the primary has become a standby
    {"25P03", Fault::kLost},
    {"57P", Fault::kLost},
    {"08", Fault::kLost},
    {"53300", Fault::kLost},
    {"58", Fault::kIo},
    {"XX", Fault::kCorrupt},
}};

}  // namespace

void PgResultClear::operator()(pg_result* result) const { PQclear(result); }

std::string CheckPostgresUrl(const std::string& url) {
  std::string wrong;
  Options options = Parse(url, wrong);
  return wrong;
}

DatabaseError ToDatabaseError(const pg_result* result, std::string_view statement) {
  const char* state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : nullptr;
  const char* words = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : nullptr;
  std::string_view code = state ? state : "";
  Fault fault = code.empty() ? Fault::kLost : Fault::kOther;
  for (const StateFault& known : kFaults) {
    if (!code.starts_with(known.state)) continue;
    fault = known.fault;
    break;
  }
  return {fault, fmt::format("{}: {} ({})", statement, words ? words : "no answer", code)};
}

PostgresConnection::PostgresConnection(const std::string& url) {
  std::string wrong;
  Options given = Parse(url, wrong);
  if (!given) throw DatabaseError(Fault::kOther, wrong);
  std::vector<const char*> names, values;
  for (PQconninfoOption* option = given.get(); option->keyword; ++option) {
    auto known = std::ranges::find(kDefaults, option->keyword,
                                   &std::pair<std::string_view, std::string_view>::first);
    const char* value = option->val ? option->val
                        : known != kDefaults.end() ? known->second.data()
                                                   : nullptr;
    if (!value) continue;
    names.push_back(option->keyword);
    values.push_back(value);
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  connection_ = PQconnectdbParams(names.data(), values.data(), 0);
  if (PQstatus(connection_) == CONNECTION_OK && PQsetnonblocking(connection_, 1) == 0) return;
  DatabaseError error(Fault::kLost,
                      connection_ ? FirstLine(PQerrorMessage(connection_)) : "no memory");
  PQfinish(connection_);
  throw error;
}

PostgresConnection::~PostgresConnection() { PQfinish(connection_); }

bool PostgresConnection::good() const { return !lost_ && PQstatus(connection_) == CONNECTION_OK; }

void PostgresConnection::Lose(const std::string& why) {
  lost_ = true;
  throw DatabaseError(Fault::kLost, why);
}

void PostgresConnection::Await(SteadyClock::time_point deadline) {
  int unsent = PQflush(connection_);
  if (unsent < 0) Lose(FirstLine(PQerrorMessage(connection_)));
  auto left = std::chrono::ceil<Millis>(deadline - SteadyClock::now()).count();
  if (left <= 0) Lose("no answer in time");
  pollfd waiting{PQsocket(connection_), static_cast<short>(POLLIN | (unsent > 0 ? POLLOUT : 0)), 0};
  poll(&waiting, 1, static_cast<int>(std::min<std::int64_t>(left, 1'000)));
  if (waiting.revents != 0 && PQconsumeInput(connection_) == 0)
    Lose(FirstLine(PQerrorMessage(connection_)));
}

PgResult PostgresConnection::Next(SteadyClock::time_point deadline) {
  if (!good()) Lose("the connection is lost");
  if (PQflush(connection_) < 0) Lose(FirstLine(PQerrorMessage(connection_)));
  while (PQisBusy(connection_) != 0) Await(deadline);
  return PgResult(PQgetResult(connection_));
}

}  // namespace forager::store
