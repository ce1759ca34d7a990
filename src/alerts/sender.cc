#include "alerts/sender.h"

#include <fmt/format.h>
#include <openssl/hmac.h>
#include <sys/wait.h>

#include <boost/json.hpp>
#include <csignal>
#include <cstring>

#include "http/client.h"
#include "os/child_process.h"
#include "os/clock.h"

namespace forager::alerts {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr Millis kTick{100};
constexpr Millis kKillLimit = 2s;
constexpr std::size_t kMaxAnswer = 64 * 1024;
constexpr std::size_t kMaxVariable = 32 * 1024;

std::unexpected<Error> NotTaken(std::string why) {
  return Fail(ErrorCode::kUnavailable, std::move(why));
}

std::string TextOf(const json::value* object, std::string_view name) {
  const json::value* value =
      object && object->is_object() ? object->get_object().if_contains(name) : nullptr;
  return value && value->is_string() ? std::string(value->get_string()) : "";
}

std::string Upper(std::string text) {
  for (char& c : text) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  return text;
}

Result<void> Post(const Receiver& receiver, std::string body, http::Headers headers, Millis timeout,
                  const GoOn& go_on) {
  http::ClientRequest request;
  request.method = "POST";
  request.url = receiver.url;
  request.headers = std::move(headers);
  request.headers.emplace_back("Content-Type", "application/json");
  request.body = std::move(body);
  request.timeout = timeout;
  request.ca_file = receiver.ca_file;
  request.max_body_bytes = kMaxAnswer;
  request.tick = go_on;
  request.tick_interval = kTick;
  auto answer = http::Fetch(request);
  if (!answer) return std::unexpected(answer.error());
  if (answer->interrupted) return NotTaken("the server was stopping");
  if (answer->status / 100 != 2) return NotTaken(fmt::format("it answered {}", answer->status));
  return {};
}

Result<void> SendWebhook(const Receiver& receiver, const store::AlertMessage& message,
                         Millis timeout, WallTime now, const GoOn& go_on) {
  auto seconds = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  http::Headers headers{{"X-Forager-Delivery", std::to_string(message.id)},
                        {"X-Forager-Event", message.event},
                        {"X-Forager-Timestamp", std::to_string(seconds)}};
  if (!receiver.secret.empty())
    headers.emplace_back("X-Forager-Signature", Sign(receiver.secret, seconds, message.body));
  return Post(receiver, message.body, std::move(headers), timeout, go_on);
}

std::string EscapeSlack(std::string_view text) {
  std::string out;
  for (char c : text)
    out += c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : std::string(1, c);
  return out;
}

Result<void> SendSlack(const Receiver& receiver, const store::AlertMessage& message, Millis timeout,
                       const GoOn& go_on) {
  Words words = ReadWords(message.body);
  const char* color = words.event == "resolved"      ? "good"
                      : words.event == "test"        ? "#439FE0"
                      : words.severity == "critical" ? "danger"
                                                     : "warning";
  json::object attachment{{"color", color},
                          {"fallback", EscapeSlack(words.Title())},
                          {"text", EscapeSlack(words.Text())}};
  json::object body{{"text", EscapeSlack(words.Title())},
                    {"attachments", json::array{std::move(attachment)}}};
  return Post(receiver, json::serialize(body), {}, timeout, go_on);
}

// It is told by its environment: a program needs no parser for that.
Result<void> RunCommand(const Receiver& receiver, const store::AlertMessage& message,
                        Millis timeout, const GoOn& go_on) {
  Words words = ReadWords(message.body);
  os::Program program;
  program.path = receiver.command.front();
  program.argv = receiver.command;
  program.environment = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"};
  auto tell = [&](const char* name, const std::string& value) {
    std::string text = value.substr(0, kMaxVariable);
    std::erase(text, '\0');
    program.environment.push_back(fmt::format("FORAGER_ALERT_{}={}", name, text));
  };
  tell("EVENT", words.event);
  tell("SEVERITY", words.severity);
  tell("RULE", words.rule);
  tell("KIND", words.kind);
  tell("SUBJECT", words.subject);
  tell("SUMMARY", words.summary);
  tell("DETAIL", words.detail);
  tell("NODE", words.node);
  tell("JSON", message.body);
  // Whatever it starts carries this on.
  std::string mark =
      fmt::format("FORAGER_ALERT_RUN={}-{}-{}", message.id,
                  os::SystemClock().Now().time_since_epoch().count(),
                  os::SystemClock().SteadyNow().time_since_epoch().count());
  program.environment.push_back(mark);
  auto child = os::StartProgram(program);
  if (!child) return NotTaken(fmt::format("it cannot be run: {}", std::strerror(child.error())));
  os::Steady end = os::SystemClock().SteadyNow() + timeout;
  while (!os::WaitEnded(child->pidfd, kTick)) {
    if (os::SystemClock().SteadyNow() < end && go_on()) continue;
    bool gone = os::KillTree(*child, mark, kKillLimit);
    os::Reap(child->pidfd);
    if (!gone) return NotTaken("it did not end, and something of it cannot be killed");
    return NotTaken(
        fmt::format("it did not end within {} s", static_cast<double>(timeout.count()) / 1'000));
  }
  auto reaped = os::Reap(child->pidfd);
  if (!reaped) return NotTaken("nobody knows how it ended");
  if (WIFSIGNALED(reaped->status))
    return NotTaken(fmt::format("it was killed by signal {}", WTERMSIG(reaped->status)));
  if (WEXITSTATUS(reaped->status) != 0)
    return NotTaken(fmt::format("it ended with exit code {}", WEXITSTATUS(reaped->status)));
  return {};
}

}  // namespace

std::string Sign(const std::string& secret, std::int64_t timestamp, const std::string& body) {
  std::string text = fmt::format("{}.{}", timestamp, body);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest, &size);
  std::string out = "sha256=";
  for (unsigned int i = 0; i < size; ++i) out += fmt::format("{:02x}", digest[i]);
  return out;
}

Words ReadWords(const std::string& body) {
  boost::system::error_code error;
  json::value root = json::parse(body, error);
  if (error || !root.is_object()) return {};
  const json::value* alert = root.get_object().if_contains("alert");
  const json::value* server = root.get_object().if_contains("server");
  return {TextOf(&root, "event"),  TextOf(alert, "severity"),   TextOf(alert, "rule"),
          TextOf(alert, "kind"),   TextOf(alert, "subject"),    TextOf(alert, "summary"),
          TextOf(alert, "detail"), TextOf(alert, "started_at"), TextOf(alert, "resolved_at"),
          TextOf(server, "node"),  TextOf(server, "url")};
}

std::string Words::Title() const { return fmt::format("[{}] {}", Upper(event), summary); }

std::string Words::Text() const {
  std::string text = summary + "\n";
  if (!detail.empty()) text += detail + "\n";
  text += fmt::format("\nRule: {} ({}), {}\nSince: {}\n", rule, kind, severity, started_at);
  if (!resolved_at.empty()) text += fmt::format("Over: {}\n", resolved_at);
  text += fmt::format("Server: {} {}\n", node, url);
  return text;
}

Result<void> Send(const Receiver& receiver, const store::AlertMessage& message, Millis timeout,
                  WallTime now, const GoOn& go_on) {
  switch (receiver.medium) {
    case Medium::kWebhook:
      return SendWebhook(receiver, message, timeout, now, go_on);
    case Medium::kSlack:
      return SendSlack(receiver, message, timeout, go_on);
    case Medium::kEmail:
      return SendMail(receiver, message, timeout, now, go_on);
    case Medium::kCommand:
      return RunCommand(receiver, message, timeout, go_on);
  }
  return {};
}

}  // namespace forager::alerts
