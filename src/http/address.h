// Which clients count as one when they are counted: an IPv4 address, also as IPv6 writes it, or the
// /64 network of an IPv6 address, which is what one customer is given. And who asks behind a proxy.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace forager::http {

bool IsAddress(const std::string& text);
// `address` is numeric; what is not one is its own key.
std::string AddressKey(std::string_view address);
// The one form of an address; an IPv4 address that IPv6 writes is that address.
std::string CanonicalAddress(std::string_view address);

// The client's address. `forwarded` is X-Forwarded-For, believed only from a peer that is one of
// the `proxies`: its last address that is no proxy itself.
std::string ClientAddress(std::string_view peer, std::string_view forwarded,
                          std::span<const std::string> proxies);

}  // namespace forager::http
