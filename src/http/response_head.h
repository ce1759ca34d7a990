// Words the head of an answer: status line, the handler's headers made safe, and those every answer
// has. Used by Connection.
#pragma once

#include <string>
#include <string_view>

#include "http/gzip.h"
#include "http/server.h"

namespace forager::http {

struct AnswerFacts {
  std::string_view request_id;
  std::string_view date;       // IMF-fixdate
  std::string_view base_path;  // of the paths that Location names
  std::size_t body_bytes = 0;  // before a HEAD drops it
  bool keep_alive = true;
  bool http10 = false;
  bool varies = false;  // the answer depends on Accept-Encoding
  bool gzipped = false;
};

// Compresses a long body for a client that takes gzip, and notes in `facts` what the head must say
// of it.
void Compress(Response& response, bool takes_gzip, Gzip& gzip, AnswerFacts& facts);
// Replaces what is in `out`.
void WriteResponseHead(std::string& out, const Response& response, const AnswerFacts& facts);
std::string_view ReasonPhrase(int status);
bool MayHaveBody(int status);
// "Mon, 23 Nov 2026 10:00:00 GMT"
std::string FormatHttpDate(std::int64_t unix_seconds);
// What the server says when no `problem` was given to it.
Response DefaultProblem(int status, const std::string& detail);

}  // namespace forager::http
