#include "http/ask_admission.h"

namespace forager::http {
namespace {

struct Asked {
  std::mutex mutex;
  bool within_call = true;
  AdmissionNow now;
};

}  // namespace

AdmissionNow AskAdmission(const Admit& admit, Request head, std::shared_ptr<Mailbox> mailbox,
                          std::weak_ptr<Connection> connection, std::uint64_t request) {
  auto asked = std::make_shared<Asked>();
  admit(std::move(head), [asked, mailbox = std::move(mailbox), connection = std::move(connection),
                          request](std::optional<Response> refusal) {
    {
      const std::lock_guard lock(asked->mutex);
      if (asked->within_call) {
        asked->now = {true, std::move(refusal)};
        return;
      }
    }
    mailbox->Put({connection, request, std::move(refusal), true});
  });
  const std::lock_guard lock(asked->mutex);
  asked->within_call = false;
  return std::move(asked->now);
}

}  // namespace forager::http
