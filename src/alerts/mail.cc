// E-mail by SMTP.
#include <curl/curl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "alerts/sender.h"

namespace forager::alerts {
namespace {

using Easy = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;
using List = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

constexpr std::size_t kEncodedPiece = 42;  // bytes of a subject in one encoded word

std::string Base64(std::string_view bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                             reinterpret_cast<const unsigned char*>(bytes.data()),
                             static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

// RFC 2047; a character is never cut in two.
std::string EncodeSubject(std::string_view text) {
  bool plain = std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
  if (plain && text.size() < 60) return std::string(text);
  std::string out;
  while (!text.empty()) {
    std::size_t size = std::min(kEncodedPiece, text.size());
    while (size > 1 && size < text.size() && (text[size] & 0xc0) == 0x80) --size;
    if (!out.empty()) out += "\r\n ";
    out += "=?UTF-8?B?" + Base64(text.substr(0, size)) + "?=";
    text.remove_prefix(size);
  }
  return out;
}

std::string WriteMail(const Receiver& receiver, const store::AlertMessage& message, WallTime now) {
  Words words = ReadWords(message.body);
  std::string recipients;
  for (const std::string& address : receiver.to)
    recipients += (recipients.empty() ? "" : ",\r\n ") + address;
  std::string host = receiver.from.substr(receiver.from.rfind('@') + 1);
  std::erase(host, '>');
  std::string body = Base64(words.Text()), lines;
  for (std::size_t at = 0; at < body.size(); at += 76) lines += body.substr(at, 76) + "\r\n";
  return fmt::format(
      "Date: {:%a, %d %b %Y %H:%M:%S} +0000\r\nFrom: {}\r\nTo: {}\r\nSubject: {}\r\n"
      "Message-ID: <forager-alert-{}-{}@{}>\r\nAuto-Submitted: auto-generated\r\n"
      "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
      "Content-Transfer-Encoding: base64\r\n\r\n{}",
      std::chrono::floor<std::chrono::seconds>(now), receiver.from, recipients,
      EncodeSubject(words.Title()), message.id, message.created_at.time_since_epoch().count(), host,
      lines);
}

std::size_t GiveMore(char* into, std::size_t size, std::size_t count, void* user) {
  auto& left = *static_cast<std::string_view*>(user);
  std::size_t piece = std::min(size * count, left.size());
  std::memcpy(into, left.data(), piece);
  left.remove_prefix(piece);
  return piece;
}

int AskToGoOn(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return (*static_cast<const GoOn*>(user))() ? 0 : 1;
}

bool IsLocal(std::string_view smtp) {
  std::string_view host = smtp.substr(smtp.find("//") + 2);
  return host.starts_with("127.") || host.starts_with("localhost") || host.starts_with("[::1]");
}

// "Name <a@b>" or "a@b".
std::string Envelope(const std::string& address) {
  auto open = address.rfind('<');
  return open == address.npos ? "<" + address + ">" : address.substr(open);
}

}  // namespace

Result<void> SendMail(const Receiver& receiver, const store::AlertMessage& message, Millis timeout,
                      WallTime now, const GoOn& go_on) {
  const Easy easy(curl_easy_init(), &curl_easy_cleanup);
  if (!easy) return Fail(ErrorCode::kInternal, "the mail client cannot be started");
  CURL* handle = easy.get();
  const std::string text = WriteMail(receiver, message, now);
  const std::string from = Envelope(receiver.from);
  std::string_view left = text;
  curl_slist* recipients = nullptr;
  for (const std::string& address : receiver.to)
    recipients = curl_slist_append(recipients, Envelope(address).c_str());
  const List owned(recipients, &curl_slist_free_all);
  char reason[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(handle, CURLOPT_URL, receiver.smtp.c_str());
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  curl_easy_setopt(handle, CURLOPT_PROXY, "");
  // A password or an address never goes over the network in plain text.
  curl_easy_setopt(handle, CURLOPT_USE_SSL,
                   IsLocal(receiver.smtp) ? CURLUSESSL_TRY : CURLUSESSL_ALL);
  curl_easy_setopt(handle, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
  if (!receiver.ca_file.empty()) curl_easy_setopt(handle, CURLOPT_CAINFO, receiver.ca_file.c_str());
  if (!receiver.user.empty()) {
    curl_easy_setopt(handle, CURLOPT_USERNAME, receiver.user.c_str());
    curl_easy_setopt(handle, CURLOPT_PASSWORD, receiver.password.c_str());
  }
  curl_easy_setopt(handle, CURLOPT_MAIL_FROM, from.c_str());
  curl_easy_setopt(handle, CURLOPT_MAIL_RCPT, recipients);
  curl_easy_setopt(handle, CURLOPT_READFUNCTION, &GiveMore);
  curl_easy_setopt(handle, CURLOPT_READDATA, &left);
  curl_easy_setopt(handle, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  // A name that nobody answers for is not waited for at the end either.
  curl_easy_setopt(handle, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count()));
  curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, &AskToGoOn);
  curl_easy_setopt(handle, CURLOPT_XFERINFODATA, &go_on);
  curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, reason);
  CURLcode code = curl_easy_perform(handle);
  if (code == CURLE_OK) return {};
  return Fail(ErrorCode::kUnavailable, fmt::format("the mail was not taken: {}",
                                                   *reason ? reason : curl_easy_strerror(code)));
}

}  // namespace forager::alerts
