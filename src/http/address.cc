#include "http/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

namespace forager::http {
namespace {

constexpr std::size_t kNetworkBytes = 8;  // of the 16

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool IsV4(const std::string& text) {
  in_addr address{};
  return inet_pton(AF_INET, text.c_str(), &address) == 1;
}

std::string WriteV6(const in6_addr& address) {
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(AF_INET6, &address, text, sizeof text);
  return text;
}

// As one may stand in X-Forwarded-For: with brackets, a port, or both.
std::string WithoutPort(std::string_view text) {
  if (text.starts_with('[')) return std::string(text.substr(1, text.find(']') - 1));
  if (std::ranges::count(text, ':') == 1) return std::string(text.substr(0, text.find(':')));
  return std::string(text);
}

}  // namespace

bool IsAddress(const std::string& text) {
  in6_addr address{};
  return IsV4(text) || inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

std::string CanonicalAddress(std::string_view address) {
  std::string text(address.substr(0, address.find('%')));
  in6_addr v6{};
  if (inet_pton(AF_INET6, text.c_str(), &v6) != 1) return text;
  if (IN6_IS_ADDR_V4MAPPED(&v6)) {
    char v4[INET_ADDRSTRLEN] = "";
    inet_ntop(AF_INET, v6.s6_addr + sizeof v6.s6_addr - sizeof(in_addr), v4, sizeof v4);
    return v4;
  }
  return WriteV6(v6);
}

std::string AddressKey(std::string_view address) {
  std::string text = CanonicalAddress(address);
  in6_addr v6{};
  if (inet_pton(AF_INET6, text.c_str(), &v6) != 1 || IN6_IS_ADDR_LOOPBACK(&v6)) return text;
  std::memset(v6.s6_addr + kNetworkBytes, 0, sizeof v6.s6_addr - kNetworkBytes);
  return WriteV6(v6) + "/64";
}

std::string ClientAddress(std::string_view peer, std::string_view forwarded,
                          std::span<const std::string> proxies) {
  auto trusted = [&](std::string_view address) {
    return std::ranges::any_of(proxies, [&](const std::string& proxy) {
      return CanonicalAddress(proxy) == CanonicalAddress(address);
    });
  };
  std::string client(peer);
  while (!forwarded.empty() && trusted(client)) {
    std::size_t comma = forwarded.rfind(',');
    std::string next = WithoutPort(Trim(forwarded.substr(comma == forwarded.npos ? 0 : comma + 1)));
    if (!IsAddress(next)) break;
    client = std::move(next);
    forwarded = forwarded.substr(0, comma == forwarded.npos ? 0 : comma);
  }
  return client;
}

}  // namespace forager::http
