#include "api/api.h"

#include <utility>

#include "api/access_care.h"
#include "api/auth.h"
#include "api/gate.h"
#include "api/routes.h"
#include "http/address.h"

namespace forager::api {
namespace {

CallPtr MakeCall(const std::shared_ptr<const Services>& services, http::Request request) {
  auto call = std::make_shared<Call>();
  call->services = services;
  call->request = std::move(request);
  call->address = http::AddressKey(http::ClientAddress(call->request.peer,
                                                       call->request.Header("X-Forwarded-For"),
                                                       services->options.trusted_proxies));
  call->began = services->clock.SteadyNow();
  return call;
}

}  // namespace

Api MakeApi(ApiOptions options, store::StoreService& store, Control& control, EventHub& events,
            JobWaiters& waiters, const os::Clock& clock) {
  auto services = std::make_shared<const Services>(Services{
      std::move(options), store, control, events, waiters, clock, std::make_shared<Access>()});
  auto care = std::make_shared<AccessCare>(services);
  return {[services](http::Request request, http::Reply reply) {
            CallPtr call = MakeCall(services, std::move(request));
            call->reply = std::move(reply);
            Enter(std::move(call));
          },
          [services](http::Request head, http::Admission admission) {
            CallPtr call = MakeCall(services, std::move(head));
            call->reply = [admission](http::Response refusal) { admission(std::move(refusal)); };
            EnterHead(std::move(call), [admission] { admission(std::nullopt); });
          },
          [care] { care->Tick(); }};
}

std::size_t BodyLimit(std::string_view method, std::string_view path) {
  constexpr std::size_t kMiB = 1024 * 1024;
  bool bulk = method == "POST" && path.starts_with(kBase) &&
              path.substr(kBase.size()) == std::string_view("/jobs/bulk");
  return bulk ? 16 * kMiB : kMiB;
}

}  // namespace forager::api
