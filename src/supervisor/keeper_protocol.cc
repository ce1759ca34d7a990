#include "supervisor/keeper_protocol.h"

#include <cstring>
#include <type_traits>
#include <utility>

namespace forager::supervisor {
namespace {

constexpr std::size_t kMaxStrings = 16'384;

class Packer {
 public:
  template <typename... Parts>
  void operator()(const Parts&... parts) {
    (Put(parts), ...);
  }
  std::string bytes;

 private:
  template <typename T>
    requires std::is_arithmetic_v<T>
  void Put(const T& number) {
    bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
  }
  void Put(const std::string& text) {
    Put(static_cast<std::uint32_t>(text.size()));
    bytes += text;
  }
  void Put(const std::vector<std::string>& texts) {
    Put(static_cast<std::uint32_t>(texts.size()));
    for (const std::string& text : texts) Put(text);
  }
};

class Unpacker {
 public:
  explicit Unpacker(std::string_view bytes) : rest_(bytes) {}
  template <typename... Parts>
  void operator()(Parts&... parts) {
    (Take(parts), ...);
  }
  bool complete() const { return good_ && rest_.empty(); }

 private:
  template <typename T>
    requires std::is_arithmetic_v<T>
  void Take(T& number) {
    using Raw = std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, T>;
    Raw raw{};
    std::string_view bytes = Cut(sizeof raw);
    if (bytes.size() == sizeof raw) std::memcpy(&raw, bytes.data(), sizeof raw);
    number = static_cast<T>(raw);
  }
  void Take(std::string& text) {
    std::uint32_t size = 0;
    Take(size);
    text = Cut(size);
  }
  void Take(std::vector<std::string>& texts) {
    std::uint32_t count = 0;
    Take(count);
    good_ = good_ && count <= kMaxStrings;
    for (std::uint32_t i = 0; good_ && i < count; ++i) Take(texts.emplace_back());
  }
  std::string_view Cut(std::size_t size) {
    good_ = good_ && size <= rest_.size();
    if (!good_) return {};
    std::string_view cut = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return cut;
  }

  std::string_view rest_;
  bool good_ = true;
};

// Each message's members, once for both directions.
template <typename Visit, typename M>
void Members(Visit& visit, M& m) {
  using T = std::remove_const_t<M>;
  if constexpr (std::is_same_v<T, Configure>) {
    visit(m.data_dir, m.run_as, m.generation, m.umask, m.hidden, m.read_only);
  } else if constexpr (std::is_same_v<T, ProtectFiles>) {
    visit(m.hidden, m.read_only);
  } else if constexpr (std::is_same_v<T, StartAttempt>) {
    visit(m.id, m.job_id, m.attempt, m.collector, m.command, m.directory,
          m.environment, m.limits.memory_bytes, m.limits.max_processes, m.limits.scratch_bytes);
  } else if constexpr (std::is_same_v<T, SignalAttempt>) {
    visit(m.id, m.signal);
  } else if constexpr (std::is_same_v<T, Ready>) {
    visit(m.namespaces);
  } else if constexpr (std::is_same_v<T, AttemptStarted>) {
    visit(m.id, m.pid);
  } else if constexpr (std::is_same_v<T, AttemptNotStarted>) {
    visit(m.id, m.reason, m.resources, m.machine);
  } else if constexpr (std::is_same_v<T, AttemptEnded>) {
    visit(m.id, m.status, m.released, m.lease_lost, m.usage.cpu_user_ms, m.usage.cpu_system_ms,
          m.usage.max_rss_kb, m.usage.survivors);
  } else if constexpr (std::is_same_v<T, AttemptReleased>) {
    visit(m.id, m.usage.cpu_user_ms, m.usage.cpu_system_ms, m.usage.max_rss_kb, m.usage.survivors);
  } else if constexpr (std::is_same_v<T, LimitExceeded>) {
    visit(m.id, m.limit);
  } else if constexpr (std::is_same_v<T, GoodUntil>) {
    visit(m.boot_ms);
  } else if constexpr (std::is_same_v<T, ForgetState>) {
    visit(m.job_id);
  } else {
    static_assert(std::is_empty_v<T>);
  }
}

template <std::size_t... Index>
std::optional<KeeperMessage> DecodeAs(std::size_t kind, Unpacker& unpack,
                                      std::index_sequence<Index...>) {
  std::optional<KeeperMessage> message;
  auto attempt = [&]<std::size_t I>() {
    if (kind != I) return;
    std::variant_alternative_t<I, KeeperMessage> m;
    Members(unpack, m);
    if (unpack.complete()) message = std::move(m);
  };
  (attempt.template operator()<Index>(), ...);
  return message;
}

}  // namespace

std::string Encode(const KeeperMessage& message) {
  Packer pack;
  pack(static_cast<std::uint8_t>(message.index()));
  std::visit([&](const auto& m) { Members(pack, m); }, message);
  return std::move(pack.bytes);
}

std::optional<KeeperMessage> Decode(std::string_view bytes) {
  Unpacker unpack(bytes);
  std::uint8_t kind = 0;
  unpack(kind);
  return DecodeAs(kind, unpack, std::make_index_sequence<std::variant_size_v<KeeperMessage>>());
}

}  // namespace forager::supervisor
