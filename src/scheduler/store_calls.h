// Store work whose answer comes back on the event loop.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "os/event_loop.h"
#include "store/store_service.h"

namespace forager::scheduler {

class StoreCalls {
 public:
  StoreCalls(os::EventLoop& loop, store::StoreService& store) : loop_(loop), store_(store) {}

  template <typename T>
  void Write(std::function<Result<T>(store::Store&)> work, std::function<void(Result<T>)> then) {
    auto answer = std::make_shared<std::optional<Result<T>>>();
    store_.Write(Keep<T>(answer, std::move(work)), Answer<T>(answer, std::move(then)));
  }

  template <typename T>
  void WriteEnd(const AttemptRef& ref, std::function<Result<T>(store::Store&)> work,
                std::function<void(Result<T>)> then) {
    auto answer = std::make_shared<std::optional<Result<T>>>();
    store_.WriteEnd(ref, Keep<T>(answer, std::move(work)), Answer<T>(answer, std::move(then)));
  }

  // Waits behind no other write: leases.
  template <typename T>
  void WriteUrgent(std::function<Result<T>(store::Store&)> work,
                   std::function<void(Result<T>)> then) {
    auto answer = std::make_shared<std::optional<Result<T>>>();
    store_.WriteUrgent(Keep<T>(answer, std::move(work)), Answer<T>(answer, std::move(then)));
  }

  template <typename T>
  void Read(std::function<Result<T>(store::Store&)> work, std::function<void(Result<T>)> then) {
    auto answer = std::make_shared<std::optional<Result<T>>>();
    store_.Read(Keep<T>(answer, std::move(work)), Answer<T>(answer, std::move(then)));
  }

 private:
  template <typename T>
  using Slot = std::shared_ptr<std::optional<Result<T>>>;

  template <typename T>
  static store::StoreService::Work Keep(Slot<T> slot,
                                        std::function<Result<T>(store::Store&)> work) {
    return [slot, work = std::move(work)](store::Store& store) -> Result<void> {
      slot->emplace(work(store));
      if (!slot->value()) return std::unexpected(slot->value().error());
      return {};
    };
  }

  template <typename T>
  store::StoreService::Done Answer(Slot<T> slot, std::function<void(Result<T>)> then) {
    return [this, slot, then = std::move(then)](Result<void> committed) {
      loop_.Post([slot, then, committed = std::move(committed)] {
        committed ? then(std::move(slot->value())) : then(std::unexpected(committed.error()));
      });
    };
  }

  os::EventLoop& loop_;
  store::StoreService& store_;
};

}  // namespace forager::scheduler
