#include "collectors/address_policy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>
#include <vector>

namespace forager::collectors {
namespace {

struct Range {
  const char* prefix;
  int bits;
  std::string_view what;
};

constexpr Range kRefusedV4[] = {
    {"0.0.0.0", 8, "an address of this network"},
    {"10.0.0.0", 8, "a private address"},
    {"100.64.0.0", 10, "a carrier's shared address"},
    {"127.0.0.0", 8, "a loopback address"},
    {"169.254.0.0", 16, "a link-local address"},
    {"172.16.0.0", 12, "a private address"},
    {"192.0.0.0", 24, "an address for protocol assignments"},
    {"192.0.2.0", 24, "a documentation address"},
    {"192.31.196.0", 24, "an AS112 address"},
    {"192.52.193.0", 24, "an AMT relay address"},
    {"192.88.99.0", 24, "a 6to4 relay address"},
    {"192.168.0.0", 16, "a private address"},
    {"192.175.48.0", 24, "an AS112 address"},
    {"198.18.0.0", 15, "a benchmarking address"},
    {"198.51.100.0", 24, "a documentation address"},
    {"203.0.113.0", 24, "a documentation address"},
    {"224.0.0.0", 4, "a multicast address"},
    {"255.255.255.255", 32, "the broadcast address"},
    {"240.0.0.0", 4, "a reserved address"},
};

// First match names it; whatever else is not global unicast (2000::/3) is refused below.
constexpr Range kRefusedV6[] = {
    {"::", 128, "the unspecified address"},
    {"::1", 128, "a loopback address"},
    {"::ffff:0:0", 96, "an IPv4-mapped address"},
    {"::", 96, "an IPv4-compatible address"},
    {"64:ff9b::", 96, "a NAT64 address"},
    {"64:ff9b:1::", 48, "a local NAT64 address"},
    {"100::", 64, "a discard address"},
    {"100:0:0:1::", 64, "a dummy address"},
    {"2001::", 32, "a Teredo address"},
    {"2001::", 23, "an address for protocol assignments"},
    {"2001:db8::", 32, "a documentation address"},
    {"2002::", 16, "a 6to4 address"},
    {"2620:4f:8000::", 48, "an AS112 address"},
    {"3fff::", 20, "a documentation address"},
    {"5f00::", 16, "a segment routing address"},
    {"fc00::", 7, "a unique local address"},
    {"fe80::", 10, "a link-local address"},
    {"fec0::", 10, "a site-local address"},
    {"ff00::", 8, "a multicast address"},
};

bool Contains(const Address& network, int bits, const Address& address) {
  const std::size_t whole = static_cast<std::size_t>(bits) / 8;
  if (std::memcmp(network.bytes.data(), address.bytes.data(), whole) != 0) return false;
  if (bits % 8 == 0) return true;
  const int mask = 0xff << (8 - bits % 8);
  return ((network.bytes[whole] ^ address.bytes[whole]) & mask) == 0;
}

}  // namespace

std::optional<Address> ParseAddress(const std::string& text) {
  Address out;
  if (inet_pton(AF_INET, text.c_str(), out.bytes.data()) == 1) return out;
  out.v6 = true;
  if (inet_pton(AF_INET6, text.c_str(), out.bytes.data()) == 1) return out;
  return std::nullopt;
}

std::optional<Address> FromSockaddr(const sockaddr& address) {
  Address out;
  if (address.sa_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    std::memcpy(out.bytes.data(), &v4.sin_addr, 4);
    return out;
  }
  if (address.sa_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    out.v6 = true;
    std::memcpy(out.bytes.data(), &v6.sin6_addr, 16);
    return out;
  }
  return std::nullopt;
}

std::string Text(const Address& address) {
  char out[INET6_ADDRSTRLEN] = "";
  inet_ntop(address.v6 ? AF_INET6 : AF_INET, address.bytes.data(), out, sizeof out);
  return out;
}

std::optional<std::string_view> WhyRefused(const Address& address) {
  if (!address.v6) {
    for (const Range& range : kRefusedV4) {
      if (Contains(*ParseAddress(range.prefix), range.bits, address)) return range.what;
    }
    return std::nullopt;
  }
  for (const Range& range : kRefusedV6) {
    if (Contains(*ParseAddress(range.prefix), range.bits, address)) return range.what;
  }
  if ((address.bytes[0] & 0xe0) != 0x20) return "not a global unicast address";
  return std::nullopt;
}

}  // namespace forager::collectors
