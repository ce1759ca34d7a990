// Which network addresses may be fetched from: public unicast ones, nothing else (IANA
// special-purpose registries, IPv4 and IPv6). Asked after a name is resolved and again where the
// socket is opened. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

struct sockaddr;

namespace forager::collectors {

struct Address {
  bool v6 = false;
  std::array<std::uint8_t, 16> bytes{};  // IPv4: the first four
  bool operator==(const Address&) const = default;
};

std::optional<Address> ParseAddress(const std::string& text);
std::optional<Address> FromSockaddr(const sockaddr& address);  // nothing for other families
std::string Text(const Address& address);

// What kind of special address it is, with its article ("a private address"); nothing for a public
// one.
std::optional<std::string_view> WhyRefused(const Address& address);

}  // namespace forager::collectors
