#include "http/request_head.h"

#include <algorithm>
#include <charconv>

namespace forager::http {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsAlnum(char c) { return IsDigit(c) || (Lower(c) >= 'a' && Lower(c) <= 'z'); }

int HexValue(char c) {
  if (IsDigit(c)) return c - '0';
  const char lower = Lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

Refusal Bad(std::string detail) { return {400, std::move(detail)}; }

bool IsHostText(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return IsAlnum(c) || std::string_view("-._~:[]%!$&'()*+;=").find(c) != std::string_view::npos;
  });
}

// The one value of a field that may come only once; `again` tells of a second.
std::optional<std::string_view> Only(const Headers& headers, std::string_view name, bool& again) {
  std::optional<std::string_view> found;
  for (const auto& [key, value] : headers) {
    if (!EqualsIgnoringCase(key, name)) continue;
    again = again || found;
    found = value;
  }
  return found;
}

std::optional<Refusal> InterpretHost(RequestHead& head) {
  bool again = false;
  const auto host = Only(head.headers, "Host", again);
  if (again) return Bad("The request has more than one Host header.");
  if (!host && head.version >= 11) return Bad("The request has no Host header.");
  if (host && !IsHostText(*host)) return Bad("The Host header is not a host name.");
  return std::nullopt;
}

std::optional<Refusal> InterpretLength(RequestHead& head) {
  bool again = false;
  const auto length = Only(head.headers, "Content-Length", again);
  if (again) return Bad("The request has more than one Content-Length header.");
  const auto coding = Only(head.headers, "Transfer-Encoding", again);
  if (again) return Bad("The request has more than one Transfer-Encoding header.");
  if (length && coding) return Bad("The request has both Content-Length and Transfer-Encoding.");
  if (coding) {
    if (head.version < 11) return Bad("Transfer-Encoding needs HTTP/1.1.");
    if (!EqualsIgnoringCase(*coding, "chunked")) {
      return Refusal{501, "The only Transfer-Encoding understood here is chunked."};
    }
    head.chunked = true;
  }
  if (length) {
    const char* end = length->data() + length->size();
    const auto parsed = std::from_chars(length->data(), end, head.content_length);
    if (length->empty() || !std::ranges::all_of(*length, IsDigit) || parsed.ec != std::errc() ||
        parsed.ptr != end) {
      return Bad("The Content-Length is not a number.");
    }
  }
  return std::nullopt;
}

std::optional<Refusal> InterpretConnection(RequestHead& head) {
  head.keep_alive = head.version >= 11;
  for (const auto& [key, value] : head.headers) {
    if (EqualsIgnoringCase(key, "Connection")) {
      if (HasToken(value, "close")) {
        head.keep_alive = false;
        break;
      }
      if (HasToken(value, "keep-alive")) head.keep_alive = true;
    }
  }
  const auto expect = head.Header("Expect");
  if (!expect.empty()) {
    if (!EqualsIgnoringCase(expect, "100-continue")) {
      return Refusal{417, "The only expectation understood here is 100-continue."};
    }
    head.expects_continue = head.version >= 11;
  }
  return std::nullopt;
}

// Absolute form: "http://host/path"; its host counts, whatever the Host header says.
std::optional<Refusal> StripAuthority(RequestHead& head, std::string_view& target) {
  const auto colon = target.find("://");
  const auto scheme = target.substr(0, colon == std::string_view::npos ? 0 : colon);
  if (!EqualsIgnoringCase(scheme, "http") && !EqualsIgnoringCase(scheme, "https")) {
    return Bad("The request target must be a path that begins with a slash.");
  }
  target.remove_prefix(colon + 3);
  const auto authority = target.substr(0, target.find_first_of("/?"));
  if (authority.empty() || !IsHostText(authority)) {
    return Bad("The request target does not name a host.");
  }
  target.remove_prefix(authority.size());
  std::erase_if(head.headers, [](const auto& h) { return EqualsIgnoringCase(h.first, "Host"); });
  head.headers.emplace_back("Host", authority);
  return std::nullopt;
}

std::optional<std::string> DecodeText(std::string_view text, bool plus_is_space) {
  auto decoded = PercentDecode(text, plus_is_space);
  if (!decoded || decoded->find('\0') != std::string::npos || !IsValidUtf8(*decoded)) {
    return std::nullopt;
  }
  return decoded;
}

std::optional<Refusal> InterpretTarget(RequestHead& head) {
  const std::string copy = head.target;
  std::string_view target = copy;
  if (target == "*") {
    if (head.method != "OPTIONS") return Bad("The request target * is for OPTIONS only.");
    head.path = target;
    return std::nullopt;
  }
  if (target.find('#') != std::string_view::npos) {
    return Bad("The request target must not have a fragment.");
  }
  if (target.empty() || target.front() != '/') {
    if (auto refusal = StripAuthority(head, target)) return refusal;
  }
  const auto mark = target.find('?');
  auto path = DecodeText(target.substr(0, mark), false);
  if (!path) return Bad("The path of the request is not valid percent-encoded UTF-8.");
  head.path = path->empty() ? "/" : std::move(*path);
  if (mark == std::string_view::npos) return std::nullopt;

  std::string_view rest = target.substr(mark + 1);
  while (!rest.empty()) {
    const auto pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    auto name = DecodeText(pair.substr(0, equals), true);
    auto value = DecodeText(
        equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1), true);
    if (!name || !value) return Bad("The query of the request is not valid percent-encoded UTF-8.");
    head.query.emplace_back(std::move(*name), std::move(*value));
  }
  return std::nullopt;
}

}  // namespace

std::string_view RequestHead::Header(std::string_view name) const {
  return FindHeader(headers, name);
}

std::optional<Refusal> Interpret(RequestHead& head) {
  if (head.method.size() > 32) return Refusal{501, "The request method is not known."};
  if (auto refusal = InterpretHost(head)) return refusal;
  if (auto refusal = InterpretLength(head)) return refusal;
  if (auto refusal = InterpretConnection(head)) return refusal;
  return InterpretTarget(head);
}

std::string_view FindHeader(const Headers& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (EqualsIgnoringCase(key, name)) return value;
  }
  return {};
}

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](char x, char y) { return Lower(x) == Lower(y); });
}

bool HasToken(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const auto item = list.substr(0, list.find(','));
    if (EqualsIgnoringCase(Trim(item), token)) return true;
    list.remove_prefix(std::min(list.size(), item.size() + 1));
  }
  return false;
}

std::optional<std::string> PercentDecode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = HexValue(text[i + 1]);
      const int low = HexValue(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

bool IsValidUtf8(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    const auto lead = static_cast<unsigned char>(text[i]);
    if (lead < 0x80) {
      ++i;
      continue;
    }
    const int more = lead >= 0xC2 && lead <= 0xDF   ? 1
                     : (lead & 0xF0) == 0xE0        ? 2
                     : lead >= 0xF0 && lead <= 0xF4 ? 3
                                                    : 0;
    if (more == 0 || i + more >= text.size()) return false;
    const auto second = static_cast<unsigned char>(text[i + 1]);
    // Overlong forms, surrogates and what lies above U+10FFFF show in the second byte.
    if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) ||
        (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F)) {
      return false;
    }
    for (int k = 1; k <= more; ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xC0) != 0x80) return false;
    }
    i += more + 1;
  }
  return true;
}

bool IsSaneRequestId(std::string_view id) {
  return !id.empty() && id.size() <= 64 && std::ranges::all_of(id, [](char c) {
    return IsAlnum(c) || c == '.' || c == '_' || c == '-';
  });
}

}  // namespace forager::http
