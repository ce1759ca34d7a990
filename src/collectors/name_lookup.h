// Host names to addresses, once per fetch, bounded in time. The thread that waits stays awake:
// `tick` is called at least twice a second. Never decides whether an address may be used
// (address_policy.h does).
#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <string>
#include <vector>

#include "collectors/address_policy.h"

namespace forager::collectors {

struct LookupFailure {
  bool transient = false;  // try again later; otherwise the name does not exist
  std::string message;     // "there is no host named x.example"
};
using LookupResult = std::expected<std::vector<Address>, LookupFailure>;
using Resolver = std::function<LookupResult(
    const std::string& host, std::chrono::milliseconds timeout, const std::function<void()>& tick)>;

// The system's resolver. Address literals need no lookup.
LookupResult LookUp(const std::string& host, std::chrono::milliseconds timeout,
                    const std::function<void()>& tick);

}  // namespace forager::collectors
