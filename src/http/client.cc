#include "http/client.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "http/request_head.h"
#include "job/plain_text.h"

namespace forager::http {
namespace {

using Easy = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;
using Multi = std::unique_ptr<CURLM, decltype(&curl_multi_cleanup)>;
using List = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

struct Transfer {
  const ClientRequest& request;
  ClientResponse response;
  bool ended_by_caller = false;
  bool too_large = false;
};

std::size_t OnHeader(char* data, std::size_t, std::size_t size, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  std::string_view line(data, size);
  while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) line.remove_suffix(1);
  if (line.starts_with("HTTP/")) {
    transfer.response.headers.clear();  // what came before was a 100 Continue
    return size;
  }
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return size;
  std::string_view value = line.substr(colon + 1);
  while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  transfer.response.headers.emplace_back(line.substr(0, colon), value);
  return size;
}

long StatusOf(CURL* easy) {
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  return status;
}

struct Sink {
  Transfer& transfer;
  CURL* easy;
};

std::size_t OnBody(char* data, std::size_t, std::size_t size, void* user) {
  auto& [transfer, easy] = *static_cast<Sink*>(user);
  const std::string_view piece(data, size);
  if (transfer.request.on_piece && StatusOf(easy) / 100 == 2) {
    if (transfer.request.on_piece(piece)) return size;
    transfer.ended_by_caller = true;
    return 0;
  }
  if (transfer.response.body.size() + size > transfer.request.max_body_bytes) {
    transfer.too_large = true;
    return 0;
  }
  transfer.response.body += piece;
  return size;
}

std::string Origin(const std::string& url) {
  const auto scheme = url.find("://");
  if (scheme == std::string::npos) return url;
  const std::string shown = WithoutSecrets(url);
  return shown.substr(0, shown.find_first_of("/?#", scheme + 3));
}

std::string Explain(CURL* easy, CURLcode code, const ClientRequest& request) {
  const std::string origin = Origin(request.url);
  long system_error = 0;
  curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &system_error);
  switch (code) {
    case CURLE_COULDNT_CONNECT:
      if (system_error == ECONNREFUSED) {
        return fmt::format("cannot reach {}: connection refused; is the server running?", origin);
      }
      return fmt::format(
          "cannot reach {}: {}", origin,
          system_error != 0 ? std::strerror(static_cast<int>(system_error)) : "no connection");
    case CURLE_COULDNT_RESOLVE_HOST:
      return fmt::format("cannot reach {}: there is no host of this name", origin);
    case CURLE_OPERATION_TIMEDOUT:
      return fmt::format("{} did not answer within {} s", origin,
                         static_cast<double>(request.timeout.count()) / 1000);
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return fmt::format("\"{}\" is not an http or https URL", request.url);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return fmt::format(
          "the certificate of {} is not trusted; name its authority in FORAGER_CA_FILE", origin);
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
      return fmt::format("{} does not have the key that server.json names", origin);
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
      return fmt::format("{} closed the connection before it had answered", origin);
    default:
      return fmt::format("cannot talk to {}: {}", origin, curl_easy_strerror(code));
  }
}

List MakeHeaders(const ClientRequest& request) {
  curl_slist* list = nullptr;
  for (const auto& [name, value] : request.headers) {
    const std::string line = value.empty() ? name + ";" : name + ": " + value;
    list = curl_slist_append(list, line.c_str());
  }
  return List(list, &curl_slist_free_all);
}

void SetBody(CURL* easy, const ClientRequest& request) {
  if (request.method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    return;
  }
  if (!request.body.empty() || request.method == "POST" || request.method == "PUT") {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.c_str());
  }
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
}

// Looks at what became readable; false when the caller has enough.
bool Attend(const ClientRequest& request, const std::vector<curl_waitfd>& waits) {
  for (std::size_t i = 0; i < waits.size(); ++i) {
    if (waits[i].revents != 0 && !request.attention[i].readable()) return false;
  }
  return true;
}

// Performs the transfer while it attends to the rest of the caller's world.
CURLcode PerformAttentively(CURL* easy, const ClientRequest& request, bool& interrupted) {
  const Multi multi(curl_multi_init(), &curl_multi_cleanup);
  if (!multi || curl_multi_add_handle(multi.get(), easy) != CURLM_OK) return CURLE_FAILED_INIT;
  std::vector<curl_waitfd> waits;
  for (const Attention& one : request.attention) waits.push_back({one.fd, CURL_WAIT_POLLIN, 0});
  CURLcode code = CURLE_OK;
  int running = 1;
  while (running > 0 && !interrupted) {
    if (curl_multi_perform(multi.get(), &running) != CURLM_OK) return CURLE_FAILED_INIT;
    int left = 0;
    while (CURLMsg* message = curl_multi_info_read(multi.get(), &left)) {
      if (message->msg == CURLMSG_DONE) code = message->data.result;
    }
    if (running == 0) break;
    interrupted = request.tick && !request.tick();
    if (interrupted) break;
    for (curl_waitfd& wait : waits) wait.revents = 0;
    curl_multi_poll(multi.get(), waits.data(), static_cast<unsigned>(waits.size()),
                    static_cast<int>(request.tick_interval.count()), nullptr);
    interrupted = !Attend(request, waits);
  }
  curl_multi_remove_handle(multi.get(), easy);
  return code;
}

void SetTrust(CURL* easy, const ClientRequest& request) {
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
  if (!request.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, request.ca_file.c_str());
  if (request.public_key_pin.empty()) return;
  curl_easy_setopt(easy, CURLOPT_PINNEDPUBLICKEY, request.public_key_pin.c_str());
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
}

}  // namespace

std::string_view ClientResponse::Header(std::string_view name) const {
  return FindHeader(headers, name);
}

Result<ClientResponse> Fetch(const ClientRequest& request) {
  static const CURLcode global = curl_global_init(CURL_GLOBAL_DEFAULT);
  const Easy easy(global == CURLE_OK ? curl_easy_init() : nullptr, &curl_easy_cleanup);
  if (!easy) return Fail(ErrorCode::kInternal, "the HTTP client cannot be started");

  for (const auto& [name, value] : request.headers) {
    if ((name + value).find_first_of("\r\n") != std::string::npos) {
      return Fail(ErrorCode::kInvalid, fmt::format("the header {} has a line break", name));
    }
  }
  Transfer transfer{request, {}};
  Sink sink{transfer, easy.get()};
  const List headers = MakeHeaders(request);
  CURL* handle = easy.get();
  curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_PROXY, "");
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  // Who may be interrupted does not wait for the end of a name's lookup either.
  curl_easy_setopt(handle, CURLOPT_QUICK_EXIT, request.tick ? 1L : 0L);
  curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(handle, CURLOPT_ACCEPT_ENCODING, "");
  curl_easy_setopt(handle, CURLOPT_USERAGENT, "forager");
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, 5'000L);
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, &OnHeader);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &OnBody);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &sink);
  SetTrust(handle, request);
  SetBody(handle, request);

  const bool attentive = request.tick || !request.attention.empty();
  bool& interrupted = transfer.response.interrupted;
  const CURLcode code =
      attentive ? PerformAttentively(handle, request, interrupted) : curl_easy_perform(handle);
  transfer.response.status = static_cast<int>(StatusOf(handle));
  if (transfer.too_large) {
    return Fail(ErrorCode::kTooLarge,
                fmt::format("the answer of {} is too large", Origin(request.url)));
  }
  if (code != CURLE_OK && !transfer.ended_by_caller && !interrupted) {
    const bool unusable = code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL;
    return Fail(unusable ? ErrorCode::kInvalid : ErrorCode::kUnavailable,
                Explain(handle, code, request));
  }
  return std::move(transfer.response);
}

std::string PercentEncode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~").find(c) != std::string_view::npos;
    if (plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

}  // namespace forager::http
