#include "api/access_care.h"

#include <algorithm>

#include "api/auth.h"

namespace forager::api {
namespace {

constexpr std::size_t kAtOnce = 1'000;  // credentials looked at by one read

}  // namespace

void AccessCare::Tick() {
  CheckReaders();
  WriteUses();
}

// A read that fails says nothing: they are looked at again by the next tick.
void AccessCare::CheckReaders() {
  if (checking_.exchange(true)) return;
  auto readers = std::make_shared<std::vector<Reader>>(services_->events.Readers());
  std::ranges::copy(services_->waiters.Readers(), std::back_inserter(*readers));
  std::ranges::sort(*readers);
  auto twice = std::ranges::unique(*readers);
  readers->erase(twice.begin(), twice.end());
  if (next_ >= readers->size()) next_ = 0;
  if (readers->size() > kAtOnce) {
    std::ranges::rotate(*readers, readers->begin() + static_cast<std::ptrdiff_t>(next_));
    readers->resize(kAtOnce);
    next_ += kAtOnce;
  }
  if (readers->empty()) {
    checking_ = false;
    return;
  }
  auto over = std::make_shared<std::vector<std::size_t>>();
  services_->store.Read(
      [self = shared_from_this(), readers, over](store::Store& store) -> Result<void> {
        std::vector<store::Credential> shown;
        for (const Reader& reader : *readers) shown.push_back(reader.shown);
        auto found = store.OverCredentials(shown, self->services_->clock.Now());
        if (!found) return std::unexpected(found.error());
        *over = std::move(*found);
        return {};
      },
      [self = shared_from_this(), readers, over](const Result<void>& read) {
        if (read && !over->empty()) {
          self->services_->access->Forget();
          for (std::size_t place : *over) {
            self->services_->events.End((*readers)[place].caller);
            self->services_->waiters.WakeCaller((*readers)[place].caller);
          }
        }
        self->checking_ = false;
      });
}

void AccessCare::WriteUses() {
  if (writing_.exchange(true)) return;
  auto uses = std::make_shared<std::vector<store::TokenUse>>(
      services_->access->TakeUses(services_->clock.SteadyNow()));
  if (uses->empty()) {
    writing_ = false;
    return;
  }
  services_->store.Write([uses](store::Store& store) { return store.TokensUsed(*uses); },
                         [self = shared_from_this(), uses](const Result<void>& written) {
                           if (!written) self->services_->access->PutBack(*uses);
                           self->writing_ = false;
                         });
}

}  // namespace forager::api
