#include "http/mailbox.h"

namespace forager::http {

void Mailbox::Put(Letter letter) {
  const std::lock_guard lock(mutex_);
  if (!wake_) return;
  letters_.push_back(std::move(letter));
  // Under the lock, so that Close cannot take the ground away from it.
  if (letters_.size() == 1) wake_();
}

std::vector<Letter> Mailbox::Collect() {
  const std::lock_guard lock(mutex_);
  return std::exchange(letters_, {});
}

void Mailbox::Close() {
  const std::lock_guard lock(mutex_);
  wake_ = nullptr;
  letters_.clear();
}

}  // namespace forager::http
