// The Reply a handler gets: the first call counts, from any thread; letting go of it without a call
// answers 500.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "http/mailbox.h"
#include "http/server.h"

namespace forager::http {

// `dropped` makes the answer for a reply nobody called.
Reply MakeReply(std::shared_ptr<Mailbox> mailbox, std::weak_ptr<Connection> connection,
                std::uint64_t request, std::function<Response()> dropped);

}  // namespace forager::http
