#include "http/stream_queue.h"

namespace forager::http {
namespace {

class Handle final : public EventStream {
 public:
  explicit Handle(std::shared_ptr<StreamQueue> queue) : queue_(std::move(queue)) {}
  ~Handle() override { queue_->End(); }
  bool Send(std::string text) override { return queue_->Push(std::move(text)); }
  bool Closed() const override { return queue_->Closed(); }

 private:
  std::shared_ptr<StreamQueue> queue_;
};

}  // namespace

bool StreamQueue::Push(std::string text) {
  bool wake = false;
  bool accepted = false;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return false;
    accepted = waiting_.size() + in_flight_ + text.size() <= kMaxQueuedBytes;
    if (accepted) {
      waiting_ += text;
    } else {
      closed_ = true;
      status_.overrun = true;
      waiting_ = std::string();
    }
    wake = !std::exchange(woken_, true) || !accepted;
  }
  if (wake) wake_();
  return accepted;
}

void StreamQueue::End() {
  {
    const std::lock_guard lock(mutex_);
    if (closed_ || std::exchange(status_.ended, true)) return;
  }
  wake_();
}

bool StreamQueue::Closed() const {
  const std::lock_guard lock(mutex_);
  return closed_ || status_.ended;
}

std::string StreamQueue::Take() {
  const std::lock_guard lock(mutex_);
  woken_ = false;
  in_flight_ = waiting_.size();
  return std::exchange(waiting_, std::string());
}

void StreamQueue::Sent() {
  const std::lock_guard lock(mutex_);
  in_flight_ = 0;
}

void StreamQueue::Close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  waiting_ = std::string();
}

StreamQueue::Status StreamQueue::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

std::shared_ptr<EventStream> StreamQueue::MakeHandle(std::shared_ptr<StreamQueue> queue) {
  return std::make_shared<Handle>(std::move(queue));
}

}  // namespace forager::http
