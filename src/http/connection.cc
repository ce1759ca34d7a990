#include "http/connection.h"

#include <fmt/format.h>

#include "http/address.h"
#include "http/ask_admission.h"
#include "http/channel.h"
#include "http/input_buffer.h"
#include "http/reply_once.h"
#include "http/request_parser.h"
#include "http/response_head.h"
#include "http/stream_queue.h"
#include "os/log.h"

namespace forager::http {
namespace {

constexpr std::size_t kTimedPiece =
    64 * 1024;  // each so many bytes of a body, either way, renew its time
constexpr std::uint64_t kMaxBodiesInMemory = 256 * 1024 * 1024;
// What comes behind the last answer would make the kernel throw
// the answer away, so it is read, within these bounds.
constexpr std::chrono::milliseconds kLingerTime{5'000};
constexpr std::chrono::milliseconds kLingerTimeAtStop{500};
constexpr std::uint64_t kLingerBytes = 64 * 1024 * 1024;
constexpr std::size_t kMaxStreamInput = 64 * 1024;  // an event stream's client has nothing to say
constexpr os::Steady kNever = os::Steady::max();

class SocketConnection final : public Connection,
                               public ChannelUser,
                               public std::enable_shared_from_this<SocketConnection> {
 public:
  SocketConnection(ConnectionContext& context, std::unique_ptr<Channel> channel, std::string peer)
      : context_(context),
        channel_(std::move(channel)),
        peer_(std::move(peer)),
        address_(AddressKey(peer_)),
        parser_(context.options.max_header_bytes, context.options.base_path) {}

  void Start() override;
  void StartRefused(std::string why) override;
  void Admitted(std::uint64_t request, std::optional<Response> refusal) override;
  void Answer(std::uint64_t request, Response response) override;
  void FlushStream() override;
  void CheckDeadline(os::Steady now) override;
  void CloseIfIdle() override;
  const std::string& address() const override { return address_; }
  std::optional<std::uint64_t> MakesRoom() const override;
  void EndStream() override;
  void Close() override;

 private:
  enum class Phase {
    kOpening,
    kHead,
    kAdmitting,  // the head is there; whether the body may come is being asked
    kBody,
    kHandling,
    kWriting,
    kStreaming,
    kLingering,
    kClosed
  };

  void Read();
  void OnOpened(IoResult result) override;
  void OnRead(IoResult result, std::size_t bytes) override;
  void OnInputDropped(IoResult result, std::size_t bytes);
  void Process();
  bool BeginBody();
  bool BodyIsHere();
  bool AskAdmission();
  void ReadBody();
  bool CountBody();
  void SendContinue();
  void Dispatch();
  void ReleaseBody();
  void Refuse(int status, const std::string& detail);
  void RefuseWith(Response response);
  void NameRequest();
  void Send(Response response);
  void Write();
  void OnWritten(IoResult result, std::size_t bytes) override;
  void OnAnswered();
  void OpenStream();
  void Linger();
  void Abort();

  bool idle() const { return phase_ == Phase::kHead && input_.empty(); }

  ConnectionContext& context_;
  const std::unique_ptr<Channel> channel_;
  const std::string peer_;
  const std::string address_;  // as it is counted
  Phase phase_ = Phase::kOpening;
  std::string refused_;  // one client too many: why
  os::Steady deadline_ = kNever;

  // Reading.
  RequestParser parser_;
  InputBuffer input_;
  bool reading_ = false;
  std::uint64_t counted_body_ = 0;  // of this connection in context_.body_bytes
  std::size_t timed_mark_ = 0;      // where in the body, or the answer, its time was last renewed
  std::uint64_t dropped_bytes_ = 0;

  // The request being answered.
  std::uint64_t request_number_ = 0;
  std::string request_id_;
  bool head_only_ = false;
  bool http10_ = false;
  bool takes_gzip_ = false;
  bool last_ = false;              // the connection closes after this answer
  std::uint64_t waits_since_ = 0;  // its number in the order of those that wait
  bool stranger_ = true;           // the last answer was to one; so is who has not asked yet

  // Writing.
  std::string out_head_;
  std::string out_body_;
  std::size_t sent_ = 0;
  std::function<void(std::shared_ptr<EventStream>)> open_stream_;
  std::shared_ptr<StreamQueue> stream_;
  bool stream_writing_ = false;
};

void SocketConnection::Start() {
  waits_since_ = ++context_.waits;
  deadline_ = context_.now + context_.options.read_timeout;
  if (context_.tls) return channel_->Open(shared_from_this());
  OnOpened(IoResult::kDone);
}

void SocketConnection::StartRefused(std::string why) {
  refused_ = std::move(why);
  Start();
}

void SocketConnection::OnOpened(IoResult result) {
  if (phase_ != Phase::kOpening) return;
  phase_ = Phase::kHead;
  if (result == IoResult::kPlainText) {
    return Refuse(400, "This address speaks HTTPS: ask again with https:// instead of http://.");
  }
  if (result != IoResult::kDone) return Close();
  if (!refused_.empty()) return Refuse(503, refused_);
  deadline_ = context_.now + context_.options.read_timeout;
  Read();
}

void SocketConnection::Read() {
  if (reading_) return;
  const bool long_reads = phase_ == Phase::kBody || phase_ == Phase::kLingering;
  const auto room = input_.MakeRoom(long_reads ? InputBuffer::kLarge : InputBuffer::kSmall);
  reading_ = true;
  channel_->ReadSome(shared_from_this(), room.data, room.size);
}

void SocketConnection::OnRead(IoResult result, std::size_t bytes) {
  reading_ = false;
  if (phase_ != Phase::kHead && phase_ != Phase::kBody) return OnInputDropped(result, bytes);
  if (result != IoResult::kDone) {
    const bool cut_short = result == IoResult::kEnded && !idle();
    return cut_short ? Refuse(400, "The request ended before it was complete.") : Close();
  }
  if (idle()) deadline_ = context_.now + context_.options.read_timeout;
  input_.Filled(bytes);
  Process();
}

// Input that nobody will read: behind the last answer, or from the client of an event stream.
void SocketConnection::OnInputDropped(IoResult result, std::size_t bytes) {
  if (phase_ != Phase::kLingering && phase_ != Phase::kStreaming) return;
  dropped_bytes_ += bytes;
  const std::uint64_t bound = phase_ == Phase::kLingering ? kLingerBytes : kMaxStreamInput;
  if (result != IoResult::kDone || dropped_bytes_ > bound) return Close();
  Read();
}

void SocketConnection::Process() {
  for (;;) {
    input_.Use(parser_.Feed(input_.view()));
    switch (parser_.state()) {
      case RequestParser::State::kHead:
        return Read();
      case RequestParser::State::kBody:
        if (phase_ == Phase::kHead) {
          if (!BeginBody()) return;
          if (!input_.empty()) continue;
        } else if (!CountBody()) {
          return;
        }
        return Read();
      case RequestParser::State::kComplete:
        return Dispatch();
      case RequestParser::State::kRefused: {
        const Refusal refusal = parser_.refusal();
        return Refuse(refusal.status, refusal.detail);
      }
    }
  }
}

bool SocketConnection::BeginBody() {
  const RequestHead& head = parser_.head();
  const auto& options = context_.options;
  const std::size_t limit =
      options.body_limit ? options.body_limit(head.method, head.path) : options.max_body_bytes;
  if (!parser_.LimitBody(limit)) {
    Refuse(413, fmt::format("The request body is larger than the {} bytes allowed here.", limit));
    return false;
  }
  if (options.admit && !BodyIsHere()) return AskAdmission();
  ReadBody();
  return phase_ == Phase::kBody;
}

// Whole, behind its head: nothing more has to be read for it.
bool SocketConnection::BodyIsHere() {
  const RequestHead& head = parser_.head();
  return !head.chunked && input_.view().size() >= head.content_length;
}

// False: reading goes on later, or never.
bool SocketConnection::AskAdmission() {
  const RequestHead& head = parser_.head();
  phase_ = Phase::kAdmitting;
  deadline_ = context_.now + context_.options.write_timeout;
  NameRequest();
  Request request;
  request.id = request_id_;
  request.method = head.method;
  request.path = head.path;
  request.query = head.query;
  request.headers = head.headers;
  request.peer = peer_;
  AdmissionNow now = http::AskAdmission(context_.options.admit, std::move(request),
                                        context_.mailbox, weak_from_this(), request_number_);
  if (!now.answered) return false;
  if (now.refusal) {
    RefuseWith(std::move(*now.refusal));
    return false;
  }
  ReadBody();
  return phase_ == Phase::kBody;
}

void SocketConnection::Admitted(std::uint64_t request, std::optional<Response> refusal) {
  if (phase_ != Phase::kAdmitting || request != request_number_) return;
  if (refusal) return RefuseWith(std::move(*refusal));
  ReadBody();
  if (phase_ == Phase::kBody) Process();
}

void SocketConnection::ReadBody() {
  phase_ = Phase::kBody;
  timed_mark_ = 0;
  deadline_ = context_.now + context_.options.read_timeout;
  if (parser_.head().expects_continue && input_.empty()) SendContinue();
}

bool SocketConnection::CountBody() {
  const std::size_t have = parser_.body().size();
  context_.body_bytes += have - counted_body_;
  counted_body_ = have;
  if (have > kTimedPiece && context_.body_bytes > kMaxBodiesInMemory) {
    Refuse(503, "The server is reading too many large requests. Try again later.");
    return false;
  }
  if (have - timed_mark_ >= kTimedPiece) {
    timed_mark_ = have;
    deadline_ = context_.now + context_.options.read_timeout;
  }
  return true;
}

void SocketConnection::ReleaseBody() {
  context_.body_bytes -= counted_body_;
  counted_body_ = 0;
}

void SocketConnection::SendContinue() {
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  // No room means a client that has not read its last answer; it need not be told to go on. Half of
  // it would garble the answer.
  if (channel_->WriteNow(kContinue) == IoResult::kFailed) Close();
}

void SocketConnection::Dispatch() {
  RequestHead& head = parser_.head();
  phase_ = Phase::kHandling;
  deadline_ = kNever;
  ReleaseBody();
  ++request_number_;
  context_.requests.fetch_add(1, std::memory_order_relaxed);
  head_only_ = head.method == "HEAD";
  http10_ = head.version == 10;
  last_ = !head.keep_alive;
  takes_gzip_ = AcceptsGzip(head.Header("Accept-Encoding"));
  NameRequest();

  Request request;
  request.id = request_id_;
  request.method = head_only_ ? std::string("GET") : std::move(head.method);
  request.path = std::move(head.path);
  request.query = std::move(head.query);
  request.headers = std::move(head.headers);
  request.body = std::move(parser_.body());
  request.peer = peer_;
  request.head_only = head_only_;
  auto reply = MakeReply(context_.mailbox, weak_from_this(), request_number_,
                         [problem = context_.options.problem] {
                           const std::string detail = "The server failed to answer this request.";
                           return problem ? problem(500, detail) : DefaultProblem(500, detail);
                         });
  try {
    context_.handler(std::move(request), std::move(reply));
  } catch (const std::exception& error) {
    // Its Reply is gone by now, and has answered 500.
    os::LogError(fmt::format("Request handler threw: {}", error.what()),
                 {{"request_id", request_id_}});
  }
}

void SocketConnection::Answer(std::uint64_t request, Response response) {
  if (phase_ != Phase::kHandling || request != request_number_) return;
  Send(std::move(response));
}

// The client's name for the request, or one of ours; once for each.
void SocketConnection::NameRequest() {
  if (!request_id_.empty()) return;
  const auto given = parser_.head().Header("X-Request-Id");
  request_id_ = IsSaneRequestId(given) ? std::string(given) : context_.MakeRequestId();
}

void SocketConnection::Refuse(int status, const std::string& detail) {
  RefuseWith(context_.Problem(status, detail));
}

// The answer to a request that is not read to its end, and the connection's last.
void SocketConnection::RefuseWith(Response response) {
  ReleaseBody();
  last_ = true;
  const RequestHead& head = parser_.head();
  head_only_ = head.method == "HEAD";
  http10_ = head.version == 10;
  takes_gzip_ = false;
  NameRequest();
  input_.Clear();
  Send(std::move(response));
}

void SocketConnection::Send(Response response) {
  if (response.status < 200 || response.status > 599) {
    response = context_.Problem(500, "The server failed to answer this request.");
  }
  AnswerFacts facts;
  facts.request_id = request_id_;
  facts.date = context_.date;
  last_ = last_ || context_.draining || response.stream;
  stranger_ = response.to_stranger;
  facts.keep_alive = !last_;
  facts.http10 = http10_;
  facts.base_path = context_.options.base_path;
  if (!response.stream) Compress(response, takes_gzip_, context_.gzip, facts);
  facts.body_bytes = response.body.size();
  WriteResponseHead(out_head_, response, facts);
  const bool without_body = head_only_ || response.stream || !MayHaveBody(response.status);
  out_body_ = without_body ? std::string() : std::move(response.body);
  open_stream_ = head_only_ ? nullptr : std::move(response.stream);
  phase_ = Phase::kWriting;
  deadline_ = context_.now + context_.options.write_timeout;
  sent_ = timed_mark_ = 0;
  Write();
}

void SocketConnection::Write() {
  const std::size_t of_head = std::min(sent_, out_head_.size());
  const std::size_t of_body = sent_ - of_head;
  channel_->WriteSome(shared_from_this(), std::string_view(out_head_).substr(of_head),
                      std::string_view(out_body_).substr(of_body));
}

void SocketConnection::OnWritten(IoResult result, std::size_t bytes) {
  if (phase_ == Phase::kClosed) return;
  if (result != IoResult::kDone) return Close();
  sent_ += bytes;
  if (sent_ < out_head_.size() + out_body_.size()) {
    if (sent_ - timed_mark_ >= kTimedPiece) {
      timed_mark_ = sent_;
      deadline_ = context_.now + context_.options.write_timeout;
    }
    return Write();
  }
  OnAnswered();
}

void SocketConnection::OnAnswered() {
  if (phase_ == Phase::kStreaming) {
    stream_writing_ = false;
    stream_->Sent();
    deadline_ = kNever;
    return FlushStream();
  }
  out_body_ = std::string();
  if (open_stream_) return OpenStream();
  if (last_ || context_.draining) return Linger();
  parser_.Reset();
  request_id_.clear();
  waits_since_ = ++context_.waits;
  phase_ = Phase::kHead;
  if (!input_.empty()) {
    deadline_ = context_.now + context_.options.read_timeout;
    return Process();
  }
  deadline_ = context_.now + context_.options.idle_timeout;
  Read();
}

void SocketConnection::OpenStream() {
  phase_ = Phase::kStreaming;
  deadline_ = kNever;
  dropped_bytes_ = 0;
  input_.Clear();
  stream_ = std::make_shared<StreamQueue>([mailbox = context_.mailbox, self = weak_from_this()] {
    mailbox->Put({self, 0, {}});
  });
  Read();  // shows when the client goes away
  const auto open = std::exchange(open_stream_, nullptr);
  try {
    open(StreamQueue::MakeHandle(stream_));
  } catch (const std::exception& error) {
    os::LogError(fmt::format("Event stream handler threw: {}", error.what()),
                 {{"request_id", request_id_}});
  }
}

void SocketConnection::FlushStream() {
  if (phase_ != Phase::kStreaming || stream_writing_) return;
  const StreamQueue::Status status = stream_->status();
  if (status.overrun) return Abort();
  out_head_.clear();
  out_body_ = stream_->Take();
  if (out_body_.empty()) {
    if (status.ended) Linger();
    return;
  }
  stream_writing_ = true;
  sent_ = timed_mark_ = 0;
  deadline_ = context_.now + context_.options.write_timeout;
  Write();
}

void SocketConnection::EndStream() {
  if (stream_) stream_->End();
}

void SocketConnection::Linger() {
  if (stream_) stream_->Close();
  channel_->EndWriting();
  phase_ = Phase::kLingering;
  deadline_ = context_.now + (context_.draining ? kLingerTimeAtStop : kLingerTime);
  dropped_bytes_ = 0;
  input_.Clear();
  Read();
}

void SocketConnection::CheckDeadline(os::Steady now) {
  if (now < deadline_) return;
  if (phase_ == Phase::kBody || (phase_ == Phase::kHead && !input_.empty())) {
    return Refuse(408, "The request did not arrive in time.");
  }
  phase_ == Phase::kWriting || phase_ == Phase::kStreaming ? Abort() : Close();
}

// The kernel, too, forgets what the client would not read.
void SocketConnection::Abort() {
  channel_->Abort();
  Close();
}

// Nothing of a stranger's is lost with a connection on which nothing is under way.
std::optional<std::uint64_t> SocketConnection::MakesRoom() const {
  const bool waits = phase_ == Phase::kOpening || phase_ == Phase::kHead;
  if (!waits || !stranger_ || !refused_.empty()) return std::nullopt;
  return waits_since_;
}

void SocketConnection::CloseIfIdle() {
  if (idle() || phase_ == Phase::kOpening) Close();
}

void SocketConnection::Close() {
  if (phase_ == Phase::kClosed) return;
  phase_ = Phase::kClosed;
  deadline_ = kNever;
  ReleaseBody();
  if (stream_) stream_->Close();
  channel_->Close();
  context_.Erase(shared_from_this(), address_);
}

}  // namespace

std::shared_ptr<Connection> MakeConnection(ConnectionContext& context, os::Descriptor socket,
                                           bool v6, std::string peer) {
  auto channel = MakeChannel(context.io, std::move(socket), v6, context.tls);
  if (!channel) return nullptr;
  return std::make_shared<SocketConnection>(context, std::move(channel), std::move(peer));
}

}  // namespace forager::http
