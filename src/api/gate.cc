#include "api/gate.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>

#include "api/auth.h"
#include "api/host_check.h"
#include "api/problem.h"
#include "api/routes.h"
#include "os/log.h"

namespace forager::api {
namespace {

// Larger bodies are not parsed on the thread that serves everybody.
constexpr std::size_t kSmallBody = 32 * 1024;

Error Internal(const CallPtr& call, std::string_view what) {
  os::LogError("a request failed unexpectedly",
               {{"request_id", call->request.id}, {"error", std::string(what)}});
  return Error{ErrorCode::kInternal, "Something went wrong here; the log knows more.", {}, {}};
}

// Expected errors are values; what a handler throws is our fault and answered as such. (What a unit
// of work throws is the store's to answer.)
template <typename Result, typename Function>
Result Guarded(const CallPtr& call, Function function) {
  try {
    return function();
  } catch (const std::exception& error) {
    return std::unexpected(Internal(call, error.what()));
  }
}

void Run(const CallPtr& call, Immediate handler) {
  auto response = Guarded<Result<http::Response>>(call, [&] { return handler.run(*call); });
  response ? call->Send(std::move(*response)) : call->Send(response.error());
}

void Run(const CallPtr& call, Read handler) {
  auto work = Guarded<Result<ReadWork>>(call, [&] { return handler.prepare(*call); });
  if (!work) return call->Send(work.error());
  auto response = std::make_shared<http::Response>();
  call->store().Read(
      [call, response, work = std::move(*work)](store::Store& store) -> Result<void> {
        Result<http::Response> made = work(store);
        if (!made) return std::unexpected(made.error());
        *response = std::move(*made);
        return {};
      },
      [call, response](Result<void> read) {
        read ? call->Send(std::move(*response)) : call->Send(read.error());
      });
}

void Run(const CallPtr& call, Write handler) {
  auto work = Guarded<Result<WriteWork>>(call, [&] { return handler.prepare(*call); });
  if (!work) return call->Send(work.error());
  auto answer = std::make_shared<Answer>();
  call->store().Write(
      [call, answer, work = std::move(*work)](store::Store& store) -> Result<void> {
        Result<Answer> made = work(store);
        if (!made) return std::unexpected(made.error());
        *answer = std::move(*made);
        return {};
      },
      [call, answer](Result<void> written) {
        if (!written) return call->Send(written.error());
        auto response = Guarded<Result<http::Response>>(
            call, [&]() -> Result<http::Response> { return (*answer)(); });
        response ? call->Send(std::move(*response)) : call->Send(response.error());
      });
}

void Run(const CallPtr& call, Async handler) {
  auto ran = Guarded<Result<void>>(call, [&]() -> Result<void> {
    handler.run(call);
    return {};
  });
  if (!ran) call->Send(ran.error());
}

void RunHandler(const CallPtr& call) {
  std::visit([&](auto handler) { Run(call, handler); }, call->route->handler);
}

std::optional<Error> CheckParameters(const Call& call) {
  std::vector<FieldError> wrong;
  std::vector<std::string_view> seen;
  for (const auto& [name, value] : call.request.query) {
    if (std::ranges::find(call.route->query, name) == call.route->query.end()) {
      wrong.push_back({name.substr(0, 100), "is not a parameter of this route"});
    } else if (std::ranges::find(seen, name) != seen.end()) {
      wrong.push_back({name, "is given twice"});
    }
    seen.push_back(name);
    if (wrong.size() == 20) break;
  }
  if (!wrong.empty()) return WrongFields(std::move(wrong));
  return std::nullopt;
}

Error TakesNoBody() {
  return Error{ErrorCode::kInvalid,
               "This request takes no body; its parameters go into the query string.",
               {{"body", "must be empty"}},
               {}};
}

// A route without a body takes none, or an empty object: a parameter put there would be lost.
std::optional<Error> CheckNoBody(const Call& call) {
  if (call.route->body) return std::nullopt;
  std::string text;
  for (char c : call.request.body.substr(0, 1024)) {
    if (c != ' ' && c != '\t' && c != '\r' && c != '\n') text += c;
  }
  if (text.empty() || text == "{}") return std::nullopt;
  return TakesNoBody();
}

// A byte order mark belongs to the file that was sent as it is, not to what it says.
void DropMark(std::string& body) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  if (body.starts_with(kMark)) body.erase(0, kMark.size());
}

void Admit(const CallPtr& call) {
  DropMark(call->request.body);
  if (auto error = CheckParameters(*call)) return call->Send(*error);
  if (auto error = CheckNoBody(*call)) return call->Send(*error);
  if (call->request.body.size() <= kSmallBody) return RunHandler(call);
  call->store().Read(
      [call](store::Store&) -> Result<void> {
        RunHandler(call);
        return {};
      },
      [call](Result<void> read) {
        if (!read) call->Send(read.error());
      });
}

void SendWrongMethod(const CallPtr& call, std::vector<std::string_view> allowed) {
  http::Response response =
      Problem(405, fmt::format("This route takes {} only.", fmt::join(allowed, ", ")));
  bool get = std::ranges::find(allowed, "GET") != allowed.end();
  if (get) allowed.push_back("HEAD");
  response.headers.emplace_back("Allow", fmt::format("{}", fmt::join(allowed, ", ")));
  call->Send(std::move(response));
}

// A proxy on this machine speaks for others.
bool IsOpenScrape(const Call& call) {
  const http::Request& request = call.request;
  if (!call.services->options.metrics_on_loopback || call.route->path != "/metrics") return false;
  for (std::string_view header : {"Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"}) {
    if (!request.Header(header).empty()) return false;
  }
  std::string_view peer = request.peer;
  if (peer.starts_with("::ffff:")) peer.remove_prefix(7);
  return peer == "::1" || peer.starts_with("127.");
}

void SendPage(const CallPtr& call) {
  const auto& pages = call->services->options.pages;
  const http::Request& request = call->request;
  std::optional<http::Response> page = pages ? pages(request) : std::nullopt;
  if (!page) return call->Send(Error{ErrorCode::kNotFound, "There is no such route.", {}, {}});
  if (request.method != "GET" && request.method != "HEAD") return SendWrongMethod(call, {"GET"});
  call->Send(std::move(*page));
}

bool ResolveRoute(const CallPtr& call) {
  http::Request& request = call->request;
  Match match = FindRoute(request.method, request.path);
  if (match.allowed.empty()) {
    SendPage(call);
    return false;
  }
  if (!match.route) {
    SendWrongMethod(call, std::move(match.allowed));
    return false;
  }
  call->route = match.route;
  call->id = std::move(match.id);
  return true;
}

// Finds the route and who asks, then goes on; or answers.
void Identify(const CallPtr& call, std::function<void()> then) {
  if (!HostAllowed(call->services->options, call->request.Header("Host"))) {
    return call->Send(Problem(
        421, "This Host is not served here; allowed_hosts or public_url would have to name it."));
  }
  if (!ResolveRoute(call)) return;
  if (call->route->role == Role::kNone || IsOpenScrape(*call)) return then();
  call->services->access->Authenticate(call, [call, then = std::move(then)](Caller caller) {
    call->caller = std::move(caller);
    if (auto error = Authorize(*call, call->route->role)) return call->Send(*error);
    then();
  });
}

// An empty object, perhaps, from a client that always sends one.
bool IsSmall(const Call& call) {
  std::string_view length = call.request.Header("Content-Length");
  return !length.empty() && length.size() <= 3;
}

}  // namespace

void Enter(CallPtr call) {
  Identify(call, [call] { Admit(call); });
}

void EnterHead(CallPtr call, std::function<void()> admitted) {
  Identify(call, [call, admitted = std::move(admitted)] {
    bool stranger = call->caller.by == Caller::By::kNobody;
    stranger && !IsSmall(*call) ? call->Send(TakesNoBody()) : admitted();
  });
}

http::Response Json(int status, std::string body) {
  http::Response response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

void Call::Send(const Error& error) { Send(ProblemOf(error)); }

void Call::Send(http::Response response) {
  if (sent_.exchange(true)) return;
  bool cached = std::ranges::any_of(
      response.headers, [](const auto& header) { return header.first == "Cache-Control"; });
  if (!cached) response.headers.emplace_back("Cache-Control", "no-store");
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  response.headers.emplace_back("Referrer-Policy", "no-referrer");
  auto took = services->clock.SteadyNow() - began;
  // The route, not the path: what a stranger wrote stays out of the log.
  std::string message =
      fmt::format("{} {} {}", route ? route->method : "?",
                  route ? std::string_view(route->path) : "(no route)", response.status);
  bool probe = (!route || route->role == Role::kNone) && response.status < 400;
  bool stranger = caller.by == Caller::By::kNobody && services->options.auth;
  bool quiet = probe || (stranger && !services->access->guesses().MayLog(address, began));
  os::Log(quiet ? os::Severity::kDebug : os::Severity::kInfo, message,
          {{"request_id", request.id}, {"ms", std::to_string(took.count())}});
  response.to_stranger = stranger;
  std::exchange(reply, nullptr)(std::move(response));
}

}  // namespace forager::api
