// What a connection has read and not yet used. Its size is bounded by who asks for room; it shrinks
// when a long body is done with.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace forager::http {

class InputBuffer {
 public:
  static constexpr std::size_t kSmall = 4 * 1024;   // for heads
  static constexpr std::size_t kLarge = 64 * 1024;  // for bodies

  bool empty() const { return begin_ == end_; }
  std::string_view view() const { return {bytes_.data() + begin_, end_ - begin_}; }
  void Use(std::size_t count) { begin_ += count; }
  void Clear() { begin_ = end_ = 0; }

  // Room behind what is there: at least half of `wanted`. To be filled, then told by Filled.
  struct Room {
    char* data;
    std::size_t size;
  };
  Room MakeRoom(std::size_t wanted);
  void Filled(std::size_t count) { end_ += count; }

 private:
  std::string bytes_;
  std::size_t begin_ = 0, end_ = 0;
};

inline InputBuffer::Room InputBuffer::MakeRoom(std::size_t wanted) {
  if (begin_ == end_) Clear();
  if (begin_ > 0 && bytes_.size() - end_ < wanted / 2) {
    bytes_.erase(0, begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (bytes_.size() - end_ < wanted / 2) bytes_.resize(end_ + wanted);
  if (end_ == 0 && bytes_.size() > 4 * wanted) {
    bytes_.resize(wanted);
    bytes_.shrink_to_fit();
  }
  return {bytes_.data() + end_, bytes_.size() - end_};
}

}  // namespace forager::http
