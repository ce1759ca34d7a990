#include "http/gzip.h"

#include <zlib.h>

#include <cstdlib>

#include "http/request_head.h"

namespace forager::http {
namespace {

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// "q=0", "q=0.0", "q=0.000" refuse; anything else that is a weight accepts.
bool IsZeroWeight(std::string_view parameters) {
  const auto equals = parameters.find('=');
  if (equals == std::string_view::npos) return false;
  if (!EqualsIgnoringCase(Trim(parameters.substr(0, equals)), "q")) return false;
  const auto weight = Trim(parameters.substr(equals + 1));
  return !weight.empty() && weight.find_first_not_of("0.") == std::string_view::npos;
}

}  // namespace

struct Gzip::State {
  z_stream stream{};
  bool ready = false;
};

Gzip::Gzip() : state_(std::make_unique<State>()) {
  constexpr int kGzipFormat = 15 + 16;
  // Level 1: the I/O thread has other clients to serve.
  state_->ready =
      deflateInit2(&state_->stream, 1, Z_DEFLATED, kGzipFormat, 8, Z_DEFAULT_STRATEGY) == Z_OK;
}

Gzip::~Gzip() {
  if (state_->ready) deflateEnd(&state_->stream);
}

std::optional<std::string> Gzip::Compress(std::string_view body) {
  if (!state_->ready || deflateReset(&state_->stream) != Z_OK) return std::nullopt;
  std::string out(body.size(), '\0');
  z_stream& stream = state_->stream;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  stream.avail_in = static_cast<uInt>(body.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) return std::nullopt;
  out.resize(out.size() - stream.avail_out);
  return out;
}

bool AcceptsGzip(std::string_view accept_encoding) {
  std::optional<bool> gzip;
  bool any = false;
  while (!accept_encoding.empty()) {
    const auto item = accept_encoding.substr(0, accept_encoding.find(','));
    accept_encoding.remove_prefix(std::min(accept_encoding.size(), item.size() + 1));
    const auto semicolon = item.find(';');
    const auto coding = Trim(item.substr(0, semicolon));
    const bool wanted =
        semicolon == std::string_view::npos || !IsZeroWeight(item.substr(semicolon + 1));
    if (EqualsIgnoringCase(coding, "gzip") || EqualsIgnoringCase(coding, "x-gzip")) gzip = wanted;
    if (coding == "*") any = wanted;
  }
  return gzip.value_or(any);
}

bool IsCompressible(std::string_view content_type) {
  const auto type = Trim(content_type.substr(0, content_type.find(';')));
  return type.starts_with("text/") || type.ends_with("json") || type.ends_with("javascript") ||
         type.ends_with("xml");
}

}  // namespace forager::http
