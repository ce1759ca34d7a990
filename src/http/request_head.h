// What the head of a request means: the rules of HTTP/1.1 on Host, lengths, targets and
// connections, made strict where leniency lets two readers see two different requests. Pure: used
// by RequestParser, reads no socket and keeps no state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/server.h"

namespace forager::http {

// Why a request is refused by the server itself: the answer's status and its one sentence.
struct Refusal {
  int status = 400;
  std::string detail;
};

struct RequestHead {
  // As received.
  std::string method;
  std::string target;
  int version = 11;  // 10 or 11
  Headers headers;
  // What it means, filled in by Interpret.
  std::string path;
  std::vector<std::pair<std::string, std::string>> query;
  bool keep_alive = true;
  bool chunked = false;
  bool expects_continue = false;
  std::uint64_t content_length = 0;

  std::string_view Header(std::string_view name) const;
};

std::optional<Refusal> Interpret(RequestHead& head);

std::string_view FindHeader(const Headers& headers, std::string_view name);  // "" when absent
bool EqualsIgnoringCase(std::string_view a, std::string_view b);
// True when the comma-separated `list` has the token, in any case.
bool HasToken(std::string_view list, std::string_view token);
// None when an escape is broken.
std::optional<std::string> PercentDecode(std::string_view text, bool plus_is_space);
bool IsValidUtf8(std::string_view text);
// 1-64 of [A-Za-z0-9._-]: what may come back as X-Request-Id and go into the log.
bool IsSaneRequestId(std::string_view id);

}  // namespace forager::http
