#include "scheduler/running_rows.h"

namespace forager::scheduler {
namespace {

constexpr int kPage = 1'000;

class Walk : public std::enable_shared_from_this<Walk> {
 public:
  Walk(StoreCalls& calls, const os::Clock& clock, TakePage take,
       std::function<void(Result<void>)> then)
      : calls_(calls), clock_(clock), take_(std::move(take)), then_(std::move(then)) {}

  void Step(const std::optional<store::RunningCursor>& after) {
    calls_.Read<store::RunningPage>(
        [after, now = clock_.Now()](store::Store& store) {
          return store.Running(after, kPage, now);
        },
        [self = shared_from_this()](Result<store::RunningPage> page) {
          if (!page) return self->then_(std::unexpected(page.error()));
          self->take_(page->jobs);
          page->next ? self->Step(page->next) : self->then_({});
        });
  }

 private:
  StoreCalls& calls_;
  const os::Clock& clock_;
  const TakePage take_;
  const std::function<void(Result<void>)> then_;
};

}  // namespace

void WalkRunning(StoreCalls& calls, const os::Clock& clock, TakePage take,
                 std::function<void(Result<void>)> then) {
  std::make_shared<Walk>(calls, clock, std::move(take), std::move(then))->Step(std::nullopt);
}

}  // namespace forager::scheduler
