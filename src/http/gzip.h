// Compresses answers for clients that take gzip. One per server, used on its I/O thread only.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace forager::http {

class Gzip {
 public:
  Gzip();
  ~Gzip();
  // None when it would not get smaller.
  std::optional<std::string> Compress(std::string_view body);

 private:
  struct State;  // zlib's, 256 KiB, kept between answers
  std::unique_ptr<State> state_;
};

// True when Accept-Encoding names gzip (or *) with a weight above 0.
bool AcceptsGzip(std::string_view accept_encoding);
// Text of some kind; pictures and archives do not get smaller.
bool IsCompressible(std::string_view content_type);

}  // namespace forager::http
