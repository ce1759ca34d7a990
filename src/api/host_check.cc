#include "api/host_check.h"

#include <arpa/inet.h>

#include <algorithm>
#include <optional>
#include <string>

namespace forager::api {
namespace {

struct Authority {
  std::string name;  // lower case, without brackets and a final dot
  std::string port;  // "" when it is not written
};

// None when it is not a host at all.
std::optional<Authority> ParseAuthority(std::string_view text) {
  std::string_view port;
  if (text.starts_with('[')) {
    std::size_t end = text.find(']');
    if (end == text.npos) return std::nullopt;
    port = text.substr(end + 1);
    text = text.substr(1, end - 1);
  } else if (std::ranges::count(text, ':') == 1) {
    port = text.substr(text.find(':'));
    text = text.substr(0, text.find(':'));
  }
  if (!port.empty() && (port[0] != ':' || port.size() > 6 ||
                        port.substr(1).find_first_not_of("0123456789") != port.npos)) {
    return std::nullopt;
  }
  std::string name(text);
  std::ranges::transform(name, name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  if (name.ends_with('.')) name.pop_back();
  if (name.empty() || name.size() > 253) return std::nullopt;
  return Authority{std::move(name), std::string(port.empty() ? port : port.substr(1))};
}

std::optional<std::string> HostName(std::string_view text) {
  auto authority = ParseAuthority(text);
  if (!authority) return std::nullopt;
  return authority->name;
}

bool IsAddress(const std::string& name) {
  unsigned char address[16];
  return inet_pton(AF_INET, name.c_str(), address) == 1 ||
         inet_pton(AF_INET6, name.c_str(), address) == 1;
}

bool IsLoopback(const std::string& name) {
  unsigned char address[4];
  if (name == "localhost" || name.ends_with(".localhost") || name == "::1") return true;
  return inet_pton(AF_INET, name.c_str(), address) == 1 && address[0] == 127;
}

std::string_view SchemeOfUrl(std::string_view url) {
  return url.substr(0, std::min(url.find("://"), url.size()));
}

std::string_view PortOf(std::string_view scheme) { return scheme == "https" ? "443" : "80"; }

// Names of this machine all mean this machine.
bool SameName(const std::string& a, const std::string& b) {
  return a == b || (IsLoopback(a) && IsLoopback(b));
}

std::string_view HostOfUrl(std::string_view url) {
  std::size_t scheme = url.find("://");
  if (scheme == url.npos) return {};
  url.remove_prefix(scheme + 3);
  return url.substr(0, url.find_first_of("/?#"));
}

}  // namespace

bool HostAllowed(const ApiOptions& options, std::string_view host) {
  std::optional<std::string> name = HostName(host);
  if (!name) return false;
  if (IsLoopback(*name)) return true;
  // Listening everywhere, any address may be ours; an address cannot be rebound.
  std::optional<std::string> listening = HostName(options.listen_host);
  if ((listening == "0.0.0.0" || listening == "::") && IsAddress(*name)) return true;
  auto same = [&](std::string_view other) { return HostName(other) == name; };
  return same(options.listen_host) || std::ranges::any_of(options.allowed_hosts, same) ||
         same(HostOfUrl(options.public_url));
}

bool OriginAllowed(const ApiOptions& options, std::string_view origin, std::string_view host) {
  std::string_view scheme = SchemeOfUrl(origin);
  if (scheme != "https" && (scheme != "http" || options.secure)) return false;
  auto page = ParseAuthority(HostOfUrl(origin));
  if (!page) return false;
  if (page->port.empty()) page->port = PortOf(scheme);
  auto same = [&](std::string_view text, std::string_view default_port) {
    auto other = ParseAuthority(text);
    if (!other || !SameName(other->name, page->name)) return false;
    return (other->port.empty() ? default_port : std::string_view(other->port)) == page->port;
  };
  std::string_view public_scheme = SchemeOfUrl(options.public_url);
  std::string_view public_host = HostOfUrl(options.public_url);
  if (scheme == public_scheme && same(public_host, PortOf(scheme))) return true;
  // Behind a proxy that speaks TLS for us, the public host has public_url's scheme: just answered.
  auto public_place = ParseAuthority(public_host), place = ParseAuthority(host);
  bool is_public = public_place && place && public_place->name == place->name &&
                   public_place->port == place->port;
  if (!is_public && same(host, PortOf(scheme))) return true;
  return std::ranges::any_of(options.allowed_hosts, [&](const std::string& allowed) {
    return same(allowed, PortOf(scheme));
  });
}

}  // namespace forager::api
