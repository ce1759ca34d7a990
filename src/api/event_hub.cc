#include "api/event_hub.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <utility>

#include "api/api.h"

namespace forager::api {
namespace {

constexpr std::size_t kMaxRecent = 2'000;
constexpr std::size_t kMaxRecentBytes = 4 << 20;
constexpr int kLingerKeepAlives = 40;  // ten minutes
constexpr std::size_t kReplayPiece = 256 * 1024;

// One SSE event; a line break inside the data starts a data line of its own.
std::string Frame(const std::string& epoch, std::uint64_t id, const std::string& type,
                  const std::string& data) {
  std::string text = fmt::format("id: {}-{}\nevent: {}\n", epoch, id, type);
  std::size_t start = 0;
  while (true) {
    std::size_t end = data.find_first_of("\r\n", start);
    text.append("data: ").append(data, start, end == std::string::npos ? end : end - start);
    text.push_back('\n');
    if (end == std::string::npos) break;
    start = end + 1;
  }
  text.push_back('\n');
  return text;
}

// The number of an id of this epoch.
std::optional<std::uint64_t> NumberOf(const std::string& epoch, std::string_view id) {
  if (!id.starts_with(epoch) || id.size() <= epoch.size() + 1 || id[epoch.size()] != '-') {
    return std::nullopt;
  }
  id.remove_prefix(epoch.size() + 1);
  std::uint64_t number = 0;
  auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number);
  if (error != std::errc{} || end != id.data() + id.size()) return std::nullopt;
  return number;
}

}  // namespace

// Ids of an earlier process must not be taken for ours.
EventHub::EventHub() : EventHub(Limits{}) {}

EventHub::EventHub(Limits limits) : limits_(limits), epoch_(MakeSecret("").substr(0, 8)) {}

bool EventHub::Wanted(const Wish& wish, const Entry& entry) {
  if (!wish.job_id.empty() && entry.job_id != wish.job_id) return false;
  return wish.types.empty() || std::ranges::find(wish.types, entry.type) != wish.types.end();
}

void EventHub::Publish(const std::string& type, const std::string& data,
                       const std::string& job_id) {
  std::lock_guard lock(mutex_);
  if (closed_) return;
  std::uint64_t id = next_id_++;
  recent_.push_back({id, type, job_id, Frame(epoch_, id, type, data)});
  recent_bytes_ += recent_.back().text.size();
  while (recent_.size() > kMaxRecent || (recent_bytes_ > kMaxRecentBytes && recent_.size() > 1)) {
    recent_bytes_ -= recent_.front().text.size();
    recent_.pop_front();
  }
  const Entry& entry = recent_.back();
  std::erase_if(subscribers_, [&](const Subscriber& subscriber) {
    if (subscriber.stream->Closed()) return true;
    return Wanted(subscriber.wish, entry) && !subscriber.stream->Send(entry.text);
  });
}

bool EventHub::Replay(http::EventStream& stream, const std::string& last_event_id,
                      const Wish& wish) const {
  if (last_event_id.empty()) return stream.Send(": connected\n\n");
  std::optional<std::uint64_t> last = NumberOf(epoch_, last_event_id);
  std::uint64_t oldest = recent_.empty() ? next_id_ : recent_.front().id;
  if (!last || *last + 1 < oldest || *last >= next_id_) {
    // With an id, so that the next reconnection starts from here.
    return stream.Send(Frame(epoch_, next_id_ - 1, "reset", "{}"));
  }
  std::string text = ": resumed\n\n";
  for (const Entry& entry : recent_) {
    if (entry.id > *last && Wanted(wish, entry)) text += entry.text;
    if (text.size() > kReplayPiece) {
      if (!stream.Send(text)) return false;
      text.clear();
    }
  }
  return text.empty() || stream.Send(std::move(text));
}

void EventHub::Subscribe(std::shared_ptr<http::EventStream> stream,
                         const std::string& last_event_id, Wish wish) {
  std::lock_guard lock(mutex_);
  if (RoomLocked(wish) != Room::kYes) return;
  if (!Replay(*stream, last_event_id, wish)) return;
  subscribers_.push_back({std::move(stream), std::move(wish)});
  linger_ = kLingerKeepAlives;
}

void EventHub::End(const std::string& caller) {
  std::lock_guard lock(mutex_);
  std::erase_if(subscribers_,
                [&](const Subscriber& subscriber) { return subscriber.wish.caller == caller; });
}

void EventHub::KeepAlive() {
  std::lock_guard lock(mutex_);
  if (subscribers_.empty() && linger_ > 0) --linger_;
  std::erase_if(subscribers_, [](const Subscriber& subscriber) {
    return subscriber.stream->Closed() || !subscriber.stream->Send(": keep-alive\n\n");
  });
}

void EventHub::Close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
  subscribers_.clear();
}

bool EventHub::InDemand() const {
  std::lock_guard lock(mutex_);
  return !closed_ && (!subscribers_.empty() || linger_ > 0);
}

EventHub::Room EventHub::RoomLocked(const Wish& wish) const {
  if (closed_ || subscribers_.size() >= limits_.total) return Room::kFull;
  std::size_t of_caller = 0, of_address = 0;
  for (const Subscriber& subscriber : subscribers_) {
    of_caller += !wish.caller.empty() && subscriber.wish.caller == wish.caller ? 1 : 0;
    of_address += !wish.address.empty() && subscriber.wish.address == wish.address ? 1 : 0;
  }
  return std::max(of_caller, of_address) < limits_.per_caller ? Room::kYes : Room::kCallerFull;
}

EventHub::Room EventHub::RoomFor(const Wish& wish) const {
  std::lock_guard lock(mutex_);
  return RoomLocked(wish);
}

std::vector<Reader> EventHub::Readers() const {
  std::set<Reader> readers;
  std::lock_guard lock(mutex_);
  for (const Subscriber& subscriber : subscribers_) {
    const Wish& wish = subscriber.wish;
    if (!wish.shown.hash.empty()) readers.insert({wish.caller, wish.shown});
  }
  return {readers.begin(), readers.end()};
}

}  // namespace forager::api
