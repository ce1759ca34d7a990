// Hands one message to one receiver: webhook, Slack, e-mail or a command. Blocks for at most the
// timeout; for the courier's own threads.
#pragma once

#include <functional>
#include <string>

#include "alerts/config.h"
#include "job/error.h"
#include "store/alert.h"

namespace forager::alerts {

// Asked several times a second; false: give up at once.
using GoOn = std::function<bool()>;

Result<void> Send(const Receiver& receiver, const store::AlertMessage& message, Millis timeout,
                  WallTime now, const GoOn& go_on);

// "sha256=HEX", of TIMESTAMP.BODY: what a receiver computes to know that it was us.
std::string Sign(const std::string& secret, std::int64_t timestamp, const std::string& body);

// The parts of a message's body that every medium words for itself.
struct Words {
  std::string event, severity, rule, kind, subject, summary, detail, started_at, resolved_at, node,
      url;
  std::string Title() const;  // "[FIRING] summary"
  std::string Text() const;   // a few lines for a person
};
Words ReadWords(const std::string& body);

Result<void> SendMail(const Receiver& receiver, const store::AlertMessage& message, Millis timeout,
                      WallTime now, const GoOn& go_on);

}  // namespace forager::alerts
