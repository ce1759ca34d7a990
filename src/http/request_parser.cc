#include "http/request_parser.h"

#include <boost/beast/http/basic_parser.hpp>

namespace forager::http {
namespace {

namespace beast = boost::beast::http;
using ErrorCode = boost::beast::error_code;

// A chunk's size line with its extensions, or the trailer: nobody needs more.
constexpr std::size_t kMaxChunkLine = 8 * 1024;
constexpr std::string_view kLastChunk = "0\r\n\r\n";
// Reserved at once for a body that says it is long; the rest grows as it comes.
constexpr std::uint64_t kReserveAtMost = 256 * 1024;

Refusal Describe(const ErrorCode& error) {
  if (error == beast::error::bad_method) return {400, "The request line has no valid method."};
  if (error == beast::error::bad_target) return {400, "The request target is not valid."};
  if (error == beast::error::bad_version) {
    return {505, "The request is not in HTTP/1.0 or HTTP/1.1."};
  }
  if (error == beast::error::bad_content_length || error == beast::error::multiple_content_length) {
    return {400, "The Content-Length is not valid."};
  }
  if (error == beast::error::bad_transfer_encoding) {
    return {400, "The Transfer-Encoding is not valid."};
  }
  if (error == beast::error::body_limit) return {413, "The request body is too large."};
  if (error == beast::error::bad_chunk || error == beast::error::bad_chunk_extension) {
    return {400, "The chunked body is not valid."};
  }
  return {400, "The request has a header that is not valid."};
}

void TakeOff(std::string_view base_path, std::string& path) {
  if (base_path.empty() || !path.starts_with(base_path)) return;
  if (path.size() == base_path.size())
    path = "/";
  else if (path[base_path.size()] == '/')
    path.erase(0, base_path.size());
}

}  // namespace

class RequestParser::Beast final : public beast::basic_parser<true> {
 public:
  explicit Beast(RequestParser& owner) : owner_(owner) {
    header_limit(0xFFFFFFFF);  // the owner hands over whole heads, already limited
    body_limit(boost::none);
  }

 private:
  using View = boost::beast::string_view;

  void on_request_impl(beast::verb, View method, View target, int version, ErrorCode&) override {
    owner_.head_.method.assign(method.data(), method.size());
    owner_.head_.target.assign(target.data(), target.size());
    owner_.head_.version = version;
  }
  void on_response_impl(int, View, int, ErrorCode&) override {}
  void on_field_impl(beast::field, View name, View value, ErrorCode&) override {
    if (owner_.state_ != State::kHead) return;  // a trailer says nothing that is used here
    owner_.head_.headers.emplace_back(std::string(name.data(), name.size()),
                                      std::string(value.data(), value.size()));
  }
  void on_header_impl(ErrorCode&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, ErrorCode&) override {
    if (length) owner_.body_.reserve(std::min(*length, kReserveAtMost));
  }
  std::size_t on_body_impl(View body, ErrorCode&) override {
    owner_.body_.append(body.data(), body.size());
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t, View, ErrorCode&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, View body, ErrorCode&) override {
    owner_.body_.append(body.data(), body.size());
    return body.size();
  }
  void on_finish_impl(ErrorCode&) override {}

  RequestParser& owner_;
};

RequestParser::RequestParser(std::size_t max_header_bytes, std::string base_path)
    : max_header_bytes_(max_header_bytes),
      base_path_(std::move(base_path)),
      beast_(std::make_unique<Beast>(*this)) {}

RequestParser::~RequestParser() = default;

void RequestParser::Reset() {
  beast_ = std::make_unique<Beast>(*this);
  state_ = State::kHead;
  head_ = RequestHead();
  body_.clear();
  scanned_ = 0;
  max_body_bytes_ = 0;
}

std::size_t RequestParser::Feed(std::string_view bytes) {
  switch (state_) {
    case State::kHead:
      return FeedHead(bytes);
    case State::kBody:
      return FeedBody(bytes);
    case State::kComplete:
    case State::kRefused:
      return 0;
  }
  return 0;
}

bool RequestParser::LimitBody(std::uint64_t max_bytes) {
  if (head_.content_length > max_bytes) return false;
  beast_->body_limit(max_bytes);
  return true;
}

std::size_t RequestParser::FeedHead(std::string_view bytes) {
  // An empty line before the request line is allowed: some clients end a body with one.
  std::size_t skipped = 0;
  if (scanned_ == 0) {
    while (bytes.substr(skipped).starts_with("\r\n")) skipped += 2;
    bytes.remove_prefix(skipped);
    if (bytes.empty() || bytes == "\r") return skipped;
  }
  const std::size_t end = FindEndOfHead(bytes);
  if (end == 0) {
    if (state_ == State::kHead && bytes.size() >= max_header_bytes_) {
      Refuse(431, "The request head is too large.");
    }
    return skipped;
  }
  if (end > max_header_bytes_) return Refuse(431, "The request head is too large.");

  ErrorCode error;
  const std::size_t used = beast_->put(boost::asio::buffer(bytes.data(), end), error);
  // Everything up to the empty line was presented, so "need more" means a head that never ends
  // well.
  if (error || !beast_->is_header_done() || used != end) {
    auto refusal = error ? Describe(error) : Refusal{400, "The request head is not valid."};
    return Refuse(refusal.status, std::move(refusal.detail));
  }
  if (auto refusal = Interpret(head_)) {
    return Refuse(refusal->status, std::move(refusal->detail));
  }
  TakeOff(base_path_, head_.path);
  state_ = beast_->is_done() ? State::kComplete : State::kBody;
  return skipped + end;
}

std::size_t RequestParser::FindEndOfHead(std::string_view bytes) {
  if (!bytes.empty() && scanned_ == 0 && (bytes[0] < 'A' || bytes[0] > 'z') && bytes[0] != '\r') {
    return Refuse(400, "This is not an HTTP request.");
  }
  std::size_t end = 0;
  // The last byte looked at again, should it be the line feed whose next byte was not there yet.
  for (std::size_t at = bytes.find('\n', scanned_ == 0 ? 0 : scanned_ - 1);
       at != std::string_view::npos && end == 0; at = bytes.find('\n', at + 1)) {
    if (at == 0 || bytes[at - 1] != '\r') {
      return Refuse(400, "The lines of the request head must end with CR LF.");
    }
    if (at >= 3 && bytes[at - 2] == '\n') {
      end = at + 1;
    } else if (at + 1 < bytes.size() && (bytes[at + 1] == ' ' || bytes[at + 1] == '\t')) {
      return Refuse(400, "A header must stand on one line.");
    }
  }
  // What stands behind the head is the body's, and may have any byte.
  const auto head = bytes.substr(0, end == 0 ? bytes.size() : end);
  if (head.find('\0', scanned_) != std::string_view::npos) {
    return Refuse(400, "The request head has a NUL byte.");
  }
  scanned_ = head.size();
  return end;
}

std::size_t RequestParser::FeedBody(std::string_view bytes) {
  std::size_t used = 0;
  while (used < bytes.size()) {
    const std::string_view rest = bytes.substr(used);
    // The parser asserts that a last chunk is never shown to it in pieces this small. Nothing valid
    // ends within them.
    if (head_.chunked && rest.size() < kLastChunk.size() && rest[0] == '0') return used;
    ErrorCode error;
    const std::size_t step = beast_->put(boost::asio::buffer(rest.data(), rest.size()), error);
    used += step;
    if (error == beast::error::need_more) {
      if (bytes.size() - used > kMaxChunkLine) Refuse(400, "A chunk's size line is too long.");
      return used;
    }
    if (error) {
      auto refusal = Describe(error);
      Refuse(refusal.status, std::move(refusal.detail));
      return used;
    }
    if (beast_->is_done()) {
      state_ = State::kComplete;
      return used;
    }
  }
  return used;
}

std::size_t RequestParser::Refuse(int status, std::string detail) {
  state_ = State::kRefused;
  refusal_ = {status, std::move(detail)};
  return 0;
}

}  // namespace forager::http
