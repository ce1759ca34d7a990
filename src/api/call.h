// One request on its way through the API, and the four kinds of handler. Handlers are plain
// synchronous code; the gate runs them where they may run, so that none ever blocks the HTTP
// thread.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <variant>

#include "api/api.h"
#include "job/error.h"

namespace forager::api {

class Access;

enum class Role { kNone, kMetrics, kViewer, kOperator, kAdmin };
std::string_view Name(Role role);

// Who asks. `key` tells callers apart for Idempotency-Key.
struct Caller {
  enum class By { kNobody, kAuthOff, kToken, kSession };
  By by = By::kNobody;
  Role role = Role::kNone;
  std::string name;
  std::string key;
  std::string csrf;         // of a session
  std::string secret_hash;  // of the token or session
  std::int64_t token_id = 0;

  store::Credential shown() const {
    using Kind = store::Credential::Kind;
    return {by == By::kSession ? Kind::kSession : Kind::kToken, secret_hash};
  }
};

// What every handler may use; made once by MakeApi.
struct Services {
  ApiOptions options;
  store::StoreService& store;
  Control& control;
  EventHub& events;
  JobWaiters& waiters;
  const os::Clock& clock;
  std::shared_ptr<Access> access;
};

struct Route;

struct Call {
  std::shared_ptr<const Services> services;
  http::Request request;
  http::Reply reply;
  const Route* route = nullptr;
  std::string id;  // the {id} of the path
  Caller caller;
  std::string address;  // whose failures and streams are counted together; see http/address.h
  os::Steady began{};

  store::StoreService& store() const { return services->store; }
  Control& control() const { return services->control; }
  WallTime Now() const { return services->clock.Now(); }
  // Answers, with the headers every answer has, and writes the log line; once, the rest is ignored.
  void Send(http::Response response);
  void Send(const Error& error);

 private:
  std::atomic<bool> sent_ = false;
};
using CallPtr = std::shared_ptr<Call>;

// Built after the commit; must be cheap.
using Answer = std::function<http::Response()>;
// Run in a transaction, perhaps twice: they must not use up what they captured.
using ReadWork = std::function<Result<http::Response>(store::Store&)>;
using WriteWork = std::function<Result<Answer>(store::Store&)>;

// Parse first, then say what to do with the store. The Call outlives the work.
struct Immediate {
  Result<http::Response> (*run)(const Call&);
};
struct Read {
  Result<ReadWork> (*prepare)(const Call&);
};
struct Write {
  Result<WriteWork> (*prepare)(const Call&);
};
struct Async {
  void (*run)(CallPtr);
};
using RouteHandler = std::variant<Immediate, Read, Write, Async>;

http::Response Json(int status, std::string body);

}  // namespace forager::api
