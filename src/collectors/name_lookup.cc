#include "collectors/name_lookup.h"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <future>
#include <memory>
#include <thread>

#include "os/clock.h"

namespace forager::collectors {
namespace {

LookupResult Ask(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int error = getaddrinfo(host.c_str(), nullptr, &hints, &list);
  if (error == EAI_NONAME || error == EAI_NODATA) {
    return std::unexpected(LookupFailure{false, "there is no host named " + host});
  }
  if (error != 0) {
    const bool transient = error != EAI_FAIL && error != EAI_FAMILY;
    return std::unexpected(LookupFailure{
        transient, "the name " + host + " could not be looked up: " + gai_strerror(error)});
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(list, freeaddrinfo);
  std::vector<Address> out;
  for (const addrinfo* one = list; one != nullptr && out.size() < 16; one = one->ai_next) {
    const auto address = FromSockaddr(*one->ai_addr);
    if (address && std::ranges::find(out, *address) == out.end()) out.push_back(*address);
  }
  if (out.empty())
    return std::unexpected(LookupFailure{false, "the host " + host + " has no address"});
  return out;
}

}  // namespace

LookupResult LookUp(const std::string& host, std::chrono::milliseconds timeout,
                    const std::function<void()>& tick) {
  if (const auto literal = ParseAddress(host)) return std::vector{*literal};
  // getaddrinfo cannot be interrupted, so a thread waits in it; when it is late nobody listens any
  // more.
  auto answer = std::make_shared<std::promise<LookupResult>>();
  auto future = answer->get_future();
  std::thread([answer, host] { answer->set_value(Ask(host)); }).detach();
  const auto deadline = os::SystemClock().SteadyNow() + timeout;
  while (future.wait_for(std::chrono::milliseconds(200)) != std::future_status::ready) {
    tick();
    if (os::SystemClock().SteadyNow() >= deadline) {
      return std::unexpected(LookupFailure{true, "the name " + host + " was not found in time"});
    }
  }
  return future.get();
}

}  // namespace forager::collectors
