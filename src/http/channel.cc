#include "http/channel.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>

namespace forager::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using User = std::shared_ptr<ChannelUser>;

IoResult Judge(const error_code& error) {
  if (!error) return IoResult::kDone;
  return error == asio::error::eof ? IoResult::kEnded : IoResult::kFailed;
}

class PlainChannel : public Channel {
 public:
  explicit PlainChannel(tcp::socket socket) : socket_(std::move(socket)) {}

  void Open(User user) override {
    asio::post(socket_.get_executor(), [user] { user->OnOpened(IoResult::kDone); });
  }

  void ReadSome(User user, char* data, std::size_t size) override {
    socket_.async_read_some(asio::buffer(data, size),
                            [user = std::move(user)](const error_code& error, std::size_t bytes) {
                              user->OnRead(Judge(error), bytes);
                            });
  }

  void WriteSome(User user, std::string_view head, std::string_view body) override {
    const std::array<asio::const_buffer, 2> parts{asio::buffer(head.data(), head.size()),
                                                  asio::buffer(body.data(), body.size())};
    socket_.async_write_some(parts,
                             [user = std::move(user)](const error_code& error, std::size_t bytes) {
                               user->OnWritten(Judge(error), bytes);
                             });
  }

  IoResult WriteNow(std::string_view text) override {
    error_code error;
    const std::size_t sent = socket_.write_some(asio::buffer(text.data(), text.size()), error);
    if (error == asio::error::would_block) return IoResult::kEnded;
    return error || sent != text.size() ? IoResult::kFailed : IoResult::kDone;
  }

  void EndWriting() override {
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
  }

  void Close() override {
    error_code ignored;
    socket_.close(ignored);
  }

  void Abort() override {
    error_code ignored;
    socket_.set_option(asio::socket_base::linger(true, 0), ignored);
    Close();
  }

 protected:
  tcp::socket socket_;
};

// OpenSSL's own socket BIO raises SIGPIPE.
int SendBytes(BIO* bio, const char* data, int size) {
  BIO_clear_retry_flags(bio);
  const auto fd = static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
  const ssize_t sent = send(fd, data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
    BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

int ReceiveBytes(BIO* bio, char* data, int size) {
  BIO_clear_retry_flags(bio);
  const auto fd = static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
  const ssize_t got = recv(fd, data, static_cast<std::size_t>(size), 0);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
    BIO_set_retry_read(bio);
  if (got == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return static_cast<int>(got);
}

long AnswerBio(BIO* bio, int what, long, void*) {
  if (what == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
  return what == BIO_CTRL_FLUSH ? 1 : 0;
}

BIO* MakeBio(int fd) {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made =
        BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket without SIGPIPE");
    BIO_meth_set_write(made, &SendBytes);
    BIO_meth_set_read(made, &ReceiveBytes);
    BIO_meth_set_ctrl(made, &AnswerBio);
    return made;
  }();
  BIO* bio = BIO_new(method);
  if (!bio) return nullptr;
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(fd)));
  BIO_set_init(bio, 1);
  return bio;
}

class TlsChannel final : public PlainChannel {
 public:
  TlsChannel(tcp::socket socket, std::shared_ptr<const TlsContext> context, SSL* session, BIO* bio)
      : PlainChannel(std::move(socket)),
        context_(std::move(context)),
        session_(session, &SSL_free) {
    SSL_set_bio(session, bio, bio);
    SSL_set_accept_state(session);
  }

  void Open(User user) override {
    Await(tcp::socket::wait_read, user, [this, user] { Greet(user); });
  }

  void ReadSome(User user, char* data, std::size_t size) override {
    if (raw()) return PlainChannel::ReadSome(std::move(user), data, size);
    auto read = [this, user, data, size] { TryRead(user, data, size); };
    // What one record held and the last reading did not take is no longer in the socket.
    if (SSL_has_pending(session_.get()) != 0) {
      asio::post(socket_.get_executor(), read);
    } else {
      socket_.async_wait(tcp::socket::wait_read, [user, read](const error_code& error) {
        error ? user->OnRead(IoResult::kFailed, 0) : read();
      });
    }
  }

  void WriteSome(User user, std::string_view head, std::string_view body) override {
    if (raw()) return PlainChannel::WriteSome(std::move(user), head, body);
    record_.assign(head.substr(0, kRecord));
    record_.append(body.substr(0, kRecord - record_.size()));
    asio::post(socket_.get_executor(), [this, user = std::move(user)] { TryWrite(user); });
  }

  IoResult WriteNow(std::string_view text) override {
    if (raw()) return PlainChannel::WriteNow(text);
    ERR_clear_error();
    const int sent = SSL_write(session_.get(), text.data(), static_cast<int>(text.size()));
    return sent == static_cast<int>(text.size()) ? IoResult::kDone : IoResult::kFailed;
  }

  void EndWriting() override {
    ERR_clear_error();
    if (state_ == State::kSecure) SSL_shutdown(session_.get());
    state_ = State::kWritten;
    PlainChannel::EndWriting();
  }

  void Close() override {
    if (state_ != State::kPlain) state_ = State::kBroken;
    PlainChannel::Close();
  }

 private:
  static constexpr std::size_t kRecord = 16 * 1024;
  enum class State { kOpening, kPlain, kSecure, kWritten, kBroken };

  bool raw() const { return state_ == State::kPlain || state_ == State::kWritten; }

  template <typename Then>
  void Await(tcp::socket::wait_type what, const User& user, Then then) {
    socket_.async_wait(what, [user, then](const error_code& error) {
      error ? user->OnOpened(IoResult::kFailed) : then();
    });
  }

  // The first byte tells a TLS record from a request in plain text.
  void Greet(const User& user) {
    char first = 0;
    const ssize_t got = recv(socket_.native_handle(), &first, 1, MSG_PEEK);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return Open(user);
    if (got == 1 && first == 0x16) return Accept(user);
    const bool request = got == 1 && first >= 'A' && first <= 'Z';
    state_ = request ? State::kPlain : State::kBroken;
    user->OnOpened(request ? IoResult::kPlainText : IoResult::kFailed);
  }

  void Accept(const User& user) {
    ERR_clear_error();
    const int done = SSL_accept(session_.get());
    if (done == 1) {
      state_ = State::kSecure;
      return user->OnOpened(IoResult::kDone);
    }
    const auto wait = WaitFor(done);
    if (!wait) return user->OnOpened(IoResult::kFailed);
    Await(*wait, user, [this, user] { Accept(user); });
  }

  void TryRead(const User& user, char* data, std::size_t size) {
    if (state_ != State::kSecure) return user->OnRead(IoResult::kFailed, 0);
    ERR_clear_error();
    const int got = SSL_read(session_.get(), data, static_cast<int>(size));
    if (got > 0) return user->OnRead(IoResult::kDone, static_cast<std::size_t>(got));
    if (SSL_get_error(session_.get(), got) == SSL_ERROR_ZERO_RETURN)
      return user->OnRead(IoResult::kEnded, 0);
    const auto wait = WaitFor(got);
    if (!wait) return user->OnRead(IoResult::kFailed, 0);
    socket_.async_wait(*wait, [this, user, data, size](const error_code& error) {
      error ? user->OnRead(IoResult::kFailed, 0) : TryRead(user, data, size);
    });
  }

  void TryWrite(const User& user) {
    if (state_ != State::kSecure) return user->OnWritten(IoResult::kFailed, 0);
    ERR_clear_error();
    const int sent = SSL_write(session_.get(), record_.data(), static_cast<int>(record_.size()));
    if (sent > 0) return user->OnWritten(IoResult::kDone, static_cast<std::size_t>(sent));
    const auto wait = WaitFor(sent);
    if (!wait) return user->OnWritten(IoResult::kFailed, 0);
    socket_.async_wait(*wait, [this, user](const error_code& error) {
      error ? user->OnWritten(IoResult::kFailed, 0) : TryWrite(user);
    });
  }

  // None: it is over.
  std::optional<tcp::socket::wait_type> WaitFor(int result) {
    switch (SSL_get_error(session_.get(), result)) {
      case SSL_ERROR_WANT_READ:
        return tcp::socket::wait_read;
      case SSL_ERROR_WANT_WRITE:
        return tcp::socket::wait_write;
      default:
        state_ = State::kBroken;
        return std::nullopt;
    }
  }

  const std::shared_ptr<const TlsContext> context_;
  const std::unique_ptr<SSL, decltype(&SSL_free)> session_;
  State state_ = State::kOpening;
  std::string record_;
};

}  // namespace

std::unique_ptr<Channel> MakeChannel(asio::io_context& io, os::Descriptor socket, bool v6,
                                     std::shared_ptr<const TlsContext> tls) {
  tcp::socket made(io);
  error_code error;
  made.assign(v6 ? tcp::v6() : tcp::v4(), socket.get(), error);
  if (error) return nullptr;
  socket.Release();
  made.non_blocking(true, error);
  made.set_option(tcp::no_delay(true), error);
  if (!tls) return std::make_unique<PlainChannel>(std::move(made));
  SSL* session = tls->NewSession();
  BIO* bio = session ? MakeBio(made.native_handle()) : nullptr;
  if (!bio) {
    SSL_free(session);
    return nullptr;
  }
  return std::make_unique<TlsChannel>(std::move(made), std::move(tls), session, bio);
}

}  // namespace forager::http
