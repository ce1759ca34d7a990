#include "http/reply_once.h"

namespace forager::http {
namespace {

class ReplyOnce {
 public:
  ReplyOnce(std::shared_ptr<Mailbox> mailbox, std::weak_ptr<Connection> connection,
            std::uint64_t request, std::function<Response()> dropped)
      : mailbox_(std::move(mailbox)),
        connection_(std::move(connection)),
        request_(request),
        dropped_(std::move(dropped)) {}
  ReplyOnce(const ReplyOnce&) = delete;
  ReplyOnce& operator=(const ReplyOnce&) = delete;
  ~ReplyOnce() {
    if (!answered_) Send(dropped_());
  }

  void Send(Response response) {
    if (answered_.exchange(true)) return;
    mailbox_->Put({connection_, request_, std::move(response)});
  }

 private:
  const std::shared_ptr<Mailbox> mailbox_;
  const std::weak_ptr<Connection> connection_;
  const std::uint64_t request_;
  const std::function<Response()> dropped_;
  std::atomic<bool> answered_ = false;
};

}  // namespace

Reply MakeReply(std::shared_ptr<Mailbox> mailbox, std::weak_ptr<Connection> connection,
                std::uint64_t request, std::function<Response()> dropped) {
  auto once = std::make_shared<ReplyOnce>(std::move(mailbox), std::move(connection), request,
                                          std::move(dropped));
  return [once = std::move(once)](Response response) { once->Send(std::move(response)); };
}

}  // namespace forager::http
