// What waits to be sent on one server-sent-event stream, between the threads that write it and the
// I/O thread. Holds at most 1 MiB: a reader slower than that is cut off.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "http/server.h"

namespace forager::http {

class StreamQueue {
 public:
  static constexpr std::size_t kMaxQueuedBytes = 1024 * 1024;

  // `wake`: something changed, look here on the I/O thread. Called from any thread, with no lock
  // held.
  explicit StreamQueue(std::function<void()> wake) : wake_(std::move(wake)) {}

  // Any thread.
  bool Push(std::string text);  // false: closed, or too slow and closed by this
  void End();                   // nothing more will come: send what is there, then close
  bool Closed() const;

  // The I/O thread. What Take gave counts as queued until Sent.
  std::string Take();
  void Sent();
  void Close();
  struct Status {
    bool ended = false;
    bool overrun = false;
  };
  Status status() const;

  // The handler's end of the queue; letting go of it ends the stream.
  static std::shared_ptr<EventStream> MakeHandle(std::shared_ptr<StreamQueue> queue);

 private:
  const std::function<void()> wake_;
  mutable std::mutex mutex_;
  std::string waiting_;
  std::size_t in_flight_ = 0;
  bool woken_ = false;
  bool closed_ = false;
  Status status_;
};

}  // namespace forager::http
