// Reads one request from bytes as they come, however they are cut. Pure: no socket, no clock. Used
// by Connection and by the fuzzer. Refuses at the first wrong byte it can see, with status and
// sentence.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "http/request_head.h"

namespace forager::http {

class RequestParser {
 public:
  enum class State { kHead, kBody, kComplete, kRefused };

  // `base_path` is taken off the paths that begin with it; it ends in no slash.
  explicit RequestParser(std::size_t max_header_bytes, std::string base_path = {});
  ~RequestParser();

  // Takes bytes from the front of `bytes` and says how many; the rest is to be presented again,
  // with more behind it. Stops at the end of the head, so that the caller can set the body's limit.
  std::size_t Feed(std::string_view bytes);
  // Bytes the body may have at most; to be called in state kBody. False: it already says it has
  // more.
  bool LimitBody(std::uint64_t max_bytes);

  State state() const { return state_; }
  RequestHead& head() { return head_; }
  std::string& body() { return body_; }
  const Refusal& refusal() const { return refusal_; }
  void Reset();  // for the next request of the connection

 private:
  class Beast;
  friend class Beast;

  std::size_t FeedHead(std::string_view bytes);
  std::size_t FeedBody(std::string_view bytes);
  // The offset behind the head's empty line; 0 when it is not there yet or the head was refused.
  std::size_t FindEndOfHead(std::string_view bytes);
  std::size_t Refuse(int status, std::string detail);

  const std::size_t max_header_bytes_;
  const std::string base_path_;
  std::unique_ptr<Beast> beast_;
  State state_ = State::kHead;
  RequestHead head_;
  std::string body_;
  Refusal refusal_;
  std::size_t scanned_ = 0;  // bytes of the head already looked at
  std::uint64_t max_body_bytes_ = 0;
};

}  // namespace forager::http
