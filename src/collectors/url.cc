#include "collectors/url.h"

#include <arpa/inet.h>
#include <unicode/uidna.h>

#include <array>
#include <boost/url.hpp>
#include <charconv>
#include <vector>

namespace forager::collectors {
namespace {

namespace urls = boost::urls;

constexpr std::size_t kMaxUrl = 8192;

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsHex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// As browsers do: blanks around are dropped, tabs and line ends anywhere, the fragment is cut off.
std::string Strip(std::string_view text) {
  while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  text = text.substr(0, text.find('#'));
  std::string out;
  for (char c : text) {
    if (c != '\t' && c != '\n' && c != '\r') out += c;
  }
  return out;
}

void AppendEscaped(std::string& out, std::string_view text, std::string_view illegal) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const bool lone_percent =
        c == '%' && !(i + 2 < text.size() && IsHex(text[i + 1]) && IsHex(text[i + 2]));
    if (c <= ' ' || c >= 0x7f || lone_percent || illegal.find(text[i]) != illegal.npos) {
      out += {'%', kDigits[c >> 4], kDigits[c & 15]};
    } else {
      out += text[i];
    }
  }
}

struct Pieces {
  std::string scheme;  // with its colon, or empty
  bool has_authority = false;
  std::string user_info;
  std::string host_and_port;
  std::string rest;  // path and query
};

Pieces Split(std::string text) {
  Pieces pieces;
  const auto query = text.find('?');
  for (std::size_t i = 0; i < std::min(query, text.size()); ++i) {
    if (text[i] == '\\') text[i] = '/';
  }
  const auto colon = text.find_first_of(":/?");
  if (colon != text.npos && colon > 0 && text[colon] == ':') {
    for (char c : text.substr(0, colon)) pieces.scheme += Lower(c);
    pieces.scheme += ':';
    text.erase(0, colon + 1);
  }
  if (text.starts_with("//")) {
    pieces.has_authority = true;
    const auto end = text.find_first_of("/?", 2);
    pieces.host_and_port = text.substr(2, end == text.npos ? end : end - 2);
    text.erase(0, end);
    if (const auto at = pieces.host_and_port.rfind('@'); at != pieces.host_and_port.npos) {
      pieces.user_info = pieces.host_and_port.substr(0, at + 1);
      pieces.host_and_port.erase(0, at + 1);
    }
  }
  pieces.rest = std::move(text);
  return pieces;
}

std::string Unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && IsHex(text[i + 1]) && IsHex(text[i + 2])) {
      out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::optional<std::string> ToAscii(const std::string& host) {
  UErrorCode status = U_ZERO_ERROR;
  static UIDNA* const idna =
      uidna_openUTS46(UIDNA_CHECK_BIDI | UIDNA_NONTRANSITIONAL_TO_ASCII, &status);
  if (idna == nullptr) return std::nullopt;
  std::array<char, 512> out;
  UIDNAInfo info = UIDNA_INFO_INITIALIZER;
  status = U_ZERO_ERROR;
  const int length = uidna_nameToASCII_UTF8(idna, host.data(), static_cast<int>(host.size()),
                                            out.data(), out.size(), &info, &status);
  if (U_FAILURE(status) || info.errors != 0) return std::nullopt;
  return std::string(out.data(), static_cast<std::size_t>(length));
}

// One spelling per host, so that what is checked is what is connected to: 0x7f.1 is 127.0.0.1.
std::optional<std::string> CanonicalHost(std::string host) {
  host = Unescape(host);
  if (host.starts_with('[')) {
    in6_addr v6;
    if (!host.ends_with(']')) return std::nullopt;
    host = host.substr(1, host.size() - 2);
    if (inet_pton(AF_INET6, host.c_str(), &v6) != 1) return std::nullopt;
    std::array<char, INET6_ADDRSTRLEN> out;
    return std::string(inet_ntop(AF_INET6, &v6, out.data(), out.size()));
  }
  if (std::ranges::any_of(host, [](char c) { return static_cast<unsigned char>(c) >= 0x80; })) {
    auto ascii = ToAscii(host);
    if (!ascii) return std::nullopt;
    host = std::move(*ascii);
  }
  for (char& c : host) c = Lower(c);
  if (host.ends_with('.')) host.pop_back();
  if (host.empty() || host.size() > 253 || host.find("..") != host.npos) return std::nullopt;
  const bool plain = std::ranges::all_of(host, [](char c) {
    return IsDigit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '_' || c == '.';
  });
  if (!plain || host.front() == '.') return std::nullopt;
  const std::string last = host.substr(host.rfind('.') + 1);
  const bool numeric = std::ranges::all_of(last, IsDigit) ||
                       (last.starts_with("0x") && std::ranges::all_of(last.substr(2), IsHex));
  if (!numeric) return host;
  in_addr v4;
  if (inet_aton(host.c_str(), &v4) == 0) return std::nullopt;
  std::array<char, INET_ADDRSTRLEN> out;
  return std::string(inet_ntop(AF_INET, &v4, out.data(), out.size()));
}

// Written again from its pieces with every illegal octet escaped; what a URL library then accepts.
std::optional<std::string> Legal(const Pieces& pieces) {
  std::string out = pieces.scheme;
  if (pieces.has_authority) {
    std::string host = pieces.host_and_port;
    std::string port;
    if (const auto colon = host.rfind(':');
        colon != host.npos && host.find(']', colon) == host.npos) {
      port = host.substr(colon + 1);
      host.erase(colon);
    }
    if (!std::ranges::all_of(port, IsDigit)) return std::nullopt;
    const auto canonical = CanonicalHost(host);
    if (!canonical) return std::nullopt;
    out += "//";
    out += canonical->find(':') == canonical->npos ? *canonical : "[" + *canonical + "]";
    if (!port.empty()) out += ":" + port;
  }
  const auto query = pieces.rest.find('?');
  constexpr std::string_view kIllegal = "\"<>\\^`{|}[]";
  AppendEscaped(out, std::string_view(pieces.rest).substr(0, query), kIllegal);
  if (query != pieces.rest.npos)
    AppendEscaped(out, std::string_view(pieces.rest).substr(query), kIllegal);
  return out;
}

// The library keeps ".." that leads above the root; browsers drop it.
std::string WithoutDots(std::string_view path) {
  std::vector<std::string_view> kept;
  bool folder = true;
  while (!path.empty()) {
    path.remove_prefix(1);  // its slash
    const auto end = std::min(path.find('/'), path.size());
    const std::string_view segment = path.substr(0, end);
    path.remove_prefix(end);
    folder = segment == "." || segment == "..";
    if (segment == ".." && !kept.empty()) kept.pop_back();
    if (!folder) kept.push_back(segment);
  }
  std::string out;
  for (const std::string_view segment : kept) {
    out += '/';
    out += segment;
  }
  return folder || out.empty() ? out + "/" : out;
}

std::optional<Url> Finish(urls::url url) {
  url.normalize();
  Url out;
  out.scheme = url.scheme();
  if (!url.has_authority() || (out.scheme != "http" && out.scheme != "https")) return std::nullopt;
  out.host = url.host_address();
  if (out.host.empty()) return std::nullopt;
  const unsigned default_port = out.scheme == "https" ? 443 : 80;
  unsigned port = default_port;
  if (url.has_port() && !url.port().empty()) {
    const std::string_view digits = url.port();
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (read.ec != std::errc() || port == 0 || port > 65535) return std::nullopt;
  }
  out.port = static_cast<std::uint16_t>(port);
  const std::string_view path = url.encoded_path();
  if (!path.empty() && !path.starts_with('/')) return std::nullopt;
  out.target = WithoutDots(path);
  if (url.has_query() && !url.encoded_query().empty()) {
    out.target += "?" + std::string(std::string_view(url.encoded_query()));
  }
  out.text = out.Origin() + out.target;
  return out;
}

bool IsTracking(std::string_view name) {
  constexpr std::array<std::string_view, 19> kNames = {
      "gclid", "gclsrc", "dclid",  "gbraid",  "wbraid",   "fbclid", "msclkid",
      "yclid", "twclid", "ttclid", "igshid",  "mc_cid",   "mc_eid", "_ga",
      "_gl",   "_hsenc", "_hsmi",  "vero_id", "li_fat_id"};
  return name.starts_with("utm_") || std::ranges::find(kNames, name) != kNames.end();
}

}  // namespace

std::string Url::Authority() const {
  std::string out = host.find(':') == host.npos ? host : "[" + host + "]";
  if (!DefaultPort()) out += ":" + std::to_string(port);
  return out;
}

std::string Url::Origin() const { return scheme + "://" + Authority(); }

Result<Url> ParseUrl(std::string_view text) {
  if (text.size() > kMaxUrl) return Fail(ErrorCode::kInvalid, "the URL is longer than 8,192 bytes");
  const Pieces pieces = Split(Strip(text));
  const std::string shown(text.substr(0, 200));
  if (pieces.scheme != "http:" && pieces.scheme != "https:") {
    return Fail(ErrorCode::kInvalid, "\"" + shown + "\" is not an http or https URL");
  }
  const auto legal = pieces.has_authority ? Legal(pieces) : std::nullopt;
  if (!legal) return Fail(ErrorCode::kInvalid, "\"" + shown + "\" has no valid host and port");
  const auto parsed = urls::parse_uri(*legal);
  auto url = parsed ? Finish(urls::url(*parsed)) : std::nullopt;
  if (!url) return Fail(ErrorCode::kInvalid, "\"" + shown + "\" is not a valid URL");
  url->had_credentials = !pieces.user_info.empty();
  return *std::move(url);
}

std::optional<Url> ResolveUrl(const Url& base, std::string_view reference) {
  if (reference.size() > kMaxUrl) return std::nullopt;
  const Pieces pieces = Split(Strip(reference));
  if (pieces.scheme.empty() && !pieces.has_authority && pieces.rest.empty()) return base;
  if (!pieces.scheme.empty() && pieces.scheme != "http:" && pieces.scheme != "https:")
    return std::nullopt;
  const auto legal = Legal(pieces);
  if (!legal) return std::nullopt;
  const auto from = urls::parse_uri(base.text);
  const auto to = urls::parse_uri_reference(*legal);
  urls::url out;
  if (!from || !to || !urls::resolve(*from, *to, out)) return std::nullopt;
  auto url = Finish(std::move(out));
  if (url) url->had_credentials = !pieces.user_info.empty();
  return url;
}

Result<std::string> NormaliseUrl(std::string_view text) {
  auto url = ParseUrl(text);
  if (!url) return std::unexpected(url.error());
  const auto question = url->target.find('?');
  std::string out = url->Origin() + url->target.substr(0, question);
  if (question == url->target.npos) return out;
  std::string_view query = std::string_view(url->target).substr(question + 1);
  char separator = '?';
  while (!query.empty()) {
    const auto end = query.find('&');
    const std::string_view one = query.substr(0, end);
    if (!one.empty() && !IsTracking(one.substr(0, one.find('=')))) {
      out += separator;
      out += one;
      separator = '&';
    }
    query = end == query.npos ? std::string_view() : query.substr(end + 1);
  }
  return out;
}

}  // namespace forager::collectors
