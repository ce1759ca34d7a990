#include "http/server.h"

#include <fmt/format.h>
#include <pthread.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <future>
#include <limits>
#include <random>

#include "http/address.h"
#include "http/connection.h"
#include "http/listener.h"
#include "http/request_head.h"
#include "http/response_head.h"
#include "os/clock.h"
#include "os/log.h"

namespace forager::http {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::chrono::milliseconds kStopWithin{5'000};
constexpr std::chrono::milliseconds kStoppingTick{5};
constexpr const char* kFull = "The server has too many connections. Try again later.";
constexpr const char* kFullOfAddress =
    "The server has too many connections from your address. Try again later.";
constexpr std::size_t kMaxBeingRefused = 64;  // clients told 503 at one time; more are just closed

// One timer looks at every connection's deadline; a timer each would cost system calls per request.
std::chrono::milliseconds TickFor(const ServerOptions& options) {
  const auto shortest =
      std::min({options.read_timeout, options.idle_timeout, options.write_timeout});
  return std::clamp(shortest / 8, std::chrono::milliseconds(5), std::chrono::milliseconds(250));
}

class AsioServer final : public Server {
 public:
  AsioServer(ServerOptions options, Handler handler)
      : options_(std::move(options)),
        handler_(std::move(handler)),
        io_(1),
        tick_(io_),
        mailbox_(std::make_shared<Mailbox>([this] { asio::post(io_, [this] { Deliver(); }); })),
        context_{.options = options_,
                 .handler = handler_,
                 .io = io_,
                 .mailbox = mailbox_,
                 .connections = {},
                 .refused = {},
                 .by_address = {},
                 .gzip = {},
                 .now = {},
                 .date = {}} {
    for (const std::string& proxy : options_.trusted_proxies)
      proxies_.push_back(CanonicalAddress(proxy));
    std::random_device random;
    context_.id_seed = (std::uint64_t{random()} << 32) | random();
    ReadClock();
  }

  ~AsioServer() override {
    if (!thread_.joinable()) return;
    asio::post(io_, [this] { BeginStop(); });
    thread_.join();
    mailbox_->Close();
  }

  Result<void> Open() {
    if (!options_.tls.empty()) {
      auto tls = TlsContext::Load(options_.tls);
      if (!tls) return std::unexpected(tls.error());
      pin_ = (*tls)->public_key_pin();
      context_.tls = std::move(*tls);
    }
    const auto address = ParseListenAddress(options_.listen);
    if (!address) return std::unexpected(address.error());
    auto listener =
        Listener::Open(io_, *address, [this](Accepted accepted) { Admit(std::move(accepted)); });
    if (!listener) return std::unexpected(listener.error());
    listener_ = std::move(*listener);
    const bool v6 = address->host.find(':') != std::string::npos;
    url_ = fmt::format("{}://{}{}{}:{}", context_.tls ? "https" : "http", v6 ? "[" : "",
                       address->host, v6 ? "]" : "", listener_->port());
    Tick();
    thread_ = std::thread([this] { Run(); });
    pthread_setname_np(thread_.native_handle(), "http");
    return {};
  }

  std::string url() const override { return url_; }

  std::string public_key_pin() const override {
    std::lock_guard lock(pin_mutex_);
    return pin_;
  }

  Result<void> ReloadTls(const TlsFiles& files) override {
    if (options_.tls.empty()) return Fail(ErrorCode::kConflict, "This server speaks plain HTTP.");
    auto tls = TlsContext::Load(files);
    if (!tls) return std::unexpected(tls.error());
    {
      std::lock_guard lock(pin_mutex_);
      pin_ = (*tls)->public_key_pin();
    }
    asio::post(io_, [this, tls = std::move(*tls)] { context_.tls = tls; });
    return {};
  }

  void StopAccepting() override {
    if (std::this_thread::get_id() == thread_.get_id()) return CloseDoor();
    std::promise<void> closed;
    asio::post(io_, [&] {
      CloseDoor();
      closed.set_value();
    });
    closed.get_future().wait();
  }

  Figures figures() const override {
    return {context_.requests.load(std::memory_order_relaxed),
            connection_count_.load(std::memory_order_relaxed),
            refused_count_.load(std::memory_order_relaxed)};
  }

 private:
  void Run() {
    for (;;) {
      try {
        io_.run();
        return;
      } catch (const std::exception& error) {
        // Out of memory, in practice. The connection it hit ends at its deadline.
        os::LogError(fmt::format("HTTP thread caught: {}", error.what()));
      }
    }
  }

  void ReadClock() {
    context_.now = os::SystemClock().SteadyNow();
    const auto second =
        std::chrono::floor<std::chrono::seconds>(os::SystemClock().Now()).time_since_epoch();
    if (second != date_second_) {
      date_second_ = second;
      context_.date = FormatHttpDate(second.count());
    }
  }

  void Tick() {
    ReadClock();
    for (auto* connections : {&context_.connections, &context_.refused}) {
      // A copy: a connection that closes leaves the set.
      const std::vector<std::shared_ptr<Connection>> all(connections->begin(), connections->end());
      for (const auto& connection : all) connection->CheckDeadline(context_.now);
    }
    CountConnections();
    if (stop_by_ && (AllGone() || context_.now >= *stop_by_)) return Finish();
    tick_.expires_after(stop_by_ ? kStoppingTick : TickFor(options_));
    tick_.async_wait([this](const error_code& error) {
      if (!error) Tick();
    });
  }

  void Admit(Accepted accepted) {
    const std::string address = AddressKey(accepted.peer);
    const char* full = WhyFull(accepted.peer, address);
    if (full && MakeRoom(full == kFullOfAddress ? address : "")) full = nullptr;
    if (full) refused_count_.fetch_add(1, std::memory_order_relaxed);
    if (full && context_.refused.size() >= kMaxBeingRefused) return;
    auto connection =
        MakeConnection(context_, std::move(accepted.socket), accepted.v6, std::move(accepted.peer));
    if (!connection) return;
    if (full) {
      context_.refused.insert(connection);
      connection->StartRefused(full);
    } else {
      context_.Insert(connection, address);
      connection->Start();
    }
    CountConnections();
  }

  // A proxy's connections are of many clients: they have the common limit only.
  const char* WhyFull(const std::string& peer, const std::string& address) const {
    if (context_.connections.size() >= static_cast<std::size_t>(options_.max_connections))
      return kFull;
    const bool proxy = std::ranges::find(proxies_, CanonicalAddress(peer)) != proxies_.end();
    const auto counted = context_.by_address.find(address);
    if (options_.max_connections_per_address > 0 && !proxy &&
        counted != context_.by_address.end() &&
        counted->second >= options_.max_connections_per_address)
      return kFullOfAddress;
    return nullptr;
  }

  // Closes the stranger's connection that has waited longest; of one address, if given.
  // Slow and silent strangers cannot keep out those who ask.
  bool MakeRoom(const std::string& address) {
    std::shared_ptr<Connection> first;
    std::uint64_t longest = std::numeric_limits<std::uint64_t>::max();
    for (const auto& connection : context_.connections) {
      if (!address.empty() && connection->address() != address) continue;
      const auto waits = connection->MakesRoom();
      if (!waits || *waits >= longest) continue;
      longest = *waits;
      first = connection;
    }
    if (first) first->Close();
    return first != nullptr;
  }

  void CountConnections() {
    connection_count_.store(context_.connections.size(), std::memory_order_relaxed);
  }

  void Deliver() {
    for (Letter& letter : mailbox_->Collect()) {
      const auto connection = letter.to.lock();
      if (!connection) continue;
      if (letter.admission) {
        connection->Admitted(letter.request, std::move(letter.response));
      } else if (letter.response) {
        connection->Answer(letter.request, std::move(*letter.response));
      } else {
        connection->FlushStream();
      }
    }
  }

  void CloseDoor() {
    listener_.reset();
    context_.draining = true;
    for (const auto& connection : Snapshot()) connection->CloseIfIdle();
  }

  void BeginStop() {
    CloseDoor();
    for (const auto& connection : Snapshot()) connection->EndStream();
    ReadClock();
    stop_by_ = context_.now + kStopWithin;
    Tick();
  }

  void Finish() {
    for (const auto& connection : Snapshot()) connection->Close();
    io_.stop();
  }

  bool AllGone() const { return context_.connections.empty() && context_.refused.empty(); }

  std::vector<std::shared_ptr<Connection>> Snapshot() const {
    std::vector<std::shared_ptr<Connection>> all(context_.connections.begin(),
                                                 context_.connections.end());
    all.insert(all.end(), context_.refused.begin(), context_.refused.end());
    return all;
  }

  const ServerOptions options_;
  const Handler handler_;
  std::vector<std::string> proxies_;  // in their one form
  asio::io_context io_;
  asio::steady_timer tick_;
  const std::shared_ptr<Mailbox> mailbox_;
  ConnectionContext context_;
  std::unique_ptr<Listener> listener_;
  std::chrono::seconds date_second_{-1};
  std::optional<os::Steady> stop_by_;
  std::string url_;
  mutable std::mutex pin_mutex_;
  std::string pin_;
  std::atomic<std::uint64_t> connection_count_ = 0;
  std::atomic<std::uint64_t> refused_count_ = 0;
  std::thread thread_;
};

}  // namespace

std::string_view Request::Header(std::string_view name) const { return FindHeader(headers, name); }

Result<std::unique_ptr<Server>> Server::Listen(ServerOptions options, Handler handler) {
  auto server = std::make_unique<AsioServer>(std::move(options), std::move(handler));
  if (auto opened = server->Open(); !opened) return std::unexpected(opened.error());
  return server;
}

}  // namespace forager::http
