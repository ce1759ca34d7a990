#include "api/api.h"

#include <utility>

#include "api/auth.h"
#include "api/gate.h"
#include "api/routes.h"

namespace forager::api {

http::Handler MakeApi(ApiOptions options, store::StoreService& store, Control& control,
                      EventHub& events, JobWaiters& waiters, const os::Clock& clock) {
  auto services = std::make_shared<const Services>(Services{
      std::move(options), store, control, events, waiters, clock, std::make_shared<Access>()});
  return [services](http::Request request, http::Reply reply) {
    auto call = std::make_shared<Call>();
    call->services = services;
    call->request = std::move(request);
    call->reply = std::move(reply);
    call->began = services->clock.SteadyNow();
    Enter(std::move(call));
  };
}

std::size_t BodyLimit(std::string_view method, std::string_view path) {
  constexpr std::size_t kMiB = 1024 * 1024;
  bool bulk = method == "POST" && path.starts_with(kBase) &&
              path.substr(kBase.size()) == std::string_view("/jobs/bulk");
  return bulk ? 16 * kMiB : kMiB;
}

}  // namespace forager::api
