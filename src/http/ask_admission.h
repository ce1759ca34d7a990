// Asks whether the body of a request may come. What is answered within the call is known at once,
// so that the usual case waits for nothing; a later answer comes through the mailbox.
#pragma once

#include <memory>
#include <optional>

#include "http/mailbox.h"
#include "http/server.h"

namespace forager::http {

struct AdmissionNow {
  bool answered = false;
  std::optional<Response> refusal;
};
AdmissionNow AskAdmission(const Admit& admit, Request head, std::shared_ptr<Mailbox> mailbox,
                          std::weak_ptr<Connection> connection, std::uint64_t request);

}  // namespace forager::http
