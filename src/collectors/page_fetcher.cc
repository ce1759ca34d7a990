#include "collectors/page_fetcher.h"

#include <curl/curl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "os/clock.h"

namespace forager::collectors {
namespace {

using SteadyTime = os::Steady;

constexpr std::int64_t kRatioFloor = 1024 * 1024;

std::string Words(Millis time) {
  const auto count = time.count();
  return count % 1000 == 0 ? std::to_string(count / 1000) + " s" : std::to_string(count) + " ms";
}

FetchFailure Failure(ErrorClass error_class, const Url& url, const std::string& why) {
  return {error_class, url.text + " was not fetched: " + why, {}, false};
}

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) ==
           std::tolower(static_cast<unsigned char>(y));
  });
}

bool IsRedirect(long status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

std::string_view Trim(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

// One request and its answer; curl's callbacks write here.
struct PageFetcher::Transfer {
  const FetchRequest& request;
  const FetchLimits& limits;
  CURL* easy;
  Url url;
  std::vector<Address> addresses;  // the only ones a socket may be opened to
  SteadyTime deadline;
  std::int64_t bytes_before = 0;  // received by earlier hops

  std::string location;
  std::string content_type;
  std::string retry_after;
  std::string body;
  std::size_t header_bytes = 0;
  bool cut = false;
  std::string abort_reason;  // why a callback stopped the transfer
  std::optional<std::string> refused_socket;
  char error[CURL_ERROR_SIZE] = "";

  std::int64_t Received() const {
    curl_off_t bytes = 0;
    curl_easy_getinfo(easy, CURLINFO_SIZE_DOWNLOAD_T, &bytes);
    return bytes;
  }

  static std::size_t OnHeader(char* data, std::size_t, std::size_t size, void* self) {
    return static_cast<Transfer*>(self)->TakeHeader({data, size});
  }
  static std::size_t OnBody(char* data, std::size_t, std::size_t size, void* self) {
    return static_cast<Transfer*>(self)->TakeBody({data, size});
  }
  static curl_socket_t OnOpenSocket(void* self, curlsocktype, curl_sockaddr* to) {
    auto& transfer = *static_cast<Transfer*>(self);
    const auto address = FromSockaddr(to->addr);
    if (!address || std::ranges::find(transfer.addresses, *address) == transfer.addresses.end()) {
      transfer.refused_socket = address ? Text(*address) : "an unknown address";
      return CURL_SOCKET_BAD;
    }
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
  }

  std::size_t TakeHeader(std::string_view line) {
    header_bytes += line.size();
    if (header_bytes > limits.max_header_bytes) {
      abort_reason =
          "its headers are larger than " + std::to_string(limits.max_header_bytes / 1024) + " KiB";
      return 0;
    }
    if (line.starts_with("HTTP/")) {  // a new head, after an interim answer too
      location.clear(), content_type.clear(), retry_after.clear();
      return line.size();
    }
    const auto colon = line.find(':');
    if (colon == line.npos) return line.size();
    const std::string_view name = line.substr(0, colon);
    const std::string value(Trim(line.substr(colon + 1)));
    if (EqualsIgnoringCase(name, "location")) location = value;
    if (EqualsIgnoringCase(name, "content-type")) content_type = value;
    if (EqualsIgnoringCase(name, "retry-after")) retry_after = value;
    return line.size();
  }

  std::size_t TakeBody(std::string_view data) {
    if (request.cut_body && body.size() + data.size() > *request.cut_body) {
      body.append(data.substr(0, *request.cut_body - body.size()));
      cut = true;
      return 0;
    }
    const auto total = static_cast<std::int64_t>(body.size() + data.size());
    if (body.size() + data.size() > limits.max_body_bytes) {
      abort_reason = "it is larger than " + std::to_string(limits.max_body_bytes / 1024) + " KiB";
      return 0;
    }
    if (total > kRatioFloor && total / std::max<std::int64_t>(Received(), 1) > limits.max_ratio) {
      abort_reason =
          "it is a decompression bomb (more than " + std::to_string(limits.max_ratio) + " to 1)";
      return 0;
    }
    body.append(data);
    return data.size();
  }
};

namespace {

// What went wrong below HTTP, as a sentence and whether another try may help.
std::pair<ErrorClass, std::string> Explain(CURLcode code, const char* detail,
                                           const FetchLimits& limits) {
  const std::string words = *detail != 0 ? detail : curl_easy_strerror(code);
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return {ErrorClass::kTransient, "no connection within " + Words(limits.connect_timeout)};
    case CURLE_COULDNT_CONNECT:
      return {ErrorClass::kTransient, "the connection failed (" + words + ")"};
    case CURLE_GOT_NOTHING:
      return {ErrorClass::kTransient, "the server closed the connection without an answer"};
    case CURLE_PARTIAL_FILE:
      return {ErrorClass::kTransient, "the answer ended early"};
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
      return {ErrorClass::kPermanent, "its TLS certificate is not valid (" + words + ")"};
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
      return {ErrorClass::kPermanent, "the server does not answer in HTTP"};
    case CURLE_BAD_CONTENT_ENCODING:
      return {ErrorClass::kPermanent, "its content encoding is broken"};
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_AGAIN:
    case CURLE_OUT_OF_MEMORY:
      return {ErrorClass::kTransient, "the connection broke (" + words + ")"};
    default:
      return {ErrorClass::kPermanent, words};
  }
}

}  // namespace

PageFetcher::PageFetcher(FetcherOptions options)
    : options_(std::move(options)), easy_(curl_easy_init()), multi_(curl_multi_init()) {
  CURL* easy = easy_;
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  curl_easy_setopt(easy, CURLOPT_USERAGENT, options_.user_agent.c_str());
  curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
  curl_easy_setopt(easy, CURLOPT_COOKIEFILE, "");  // kept in memory, sent by curl's rules of scope
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(options_.limits.connect_timeout.count()));
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 64L * 1024);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &Transfer::OnHeader);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Transfer::OnBody);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &Transfer::OnOpenSocket);
}

PageFetcher::~PageFetcher() {
  if (easy_ != nullptr) curl_easy_cleanup(easy_);
  if (multi_ != nullptr) curl_multi_cleanup(multi_);
}

// An entry without a port stands for the default port of either scheme, as in a URL.
bool PageFetcher::Listed(const Url& url) const {
  const std::string host = url.host.find(':') == url.host.npos ? url.host : "[" + url.host + "]";
  const std::string with_port = host + ":" + std::to_string(url.port);
  return std::ranges::any_of(options_.allow_private_hosts, [&](const std::string& entry) {
    return EqualsIgnoringCase(entry, url.Authority()) || EqualsIgnoringCase(entry, with_port);
  });
}

std::expected<std::vector<Address>, FetchFailure> PageFetcher::CheckedAddresses(const Url& url,
                                                                                Millis timeout) {
  const bool listed = Listed(url);
  const std::string advice = "; add " + url.Authority() + " to allow_private_hosts to permit it";
  if (!listed && url.port != 80 && url.port != 443) {
    return std::unexpected(
        Failure(ErrorClass::kPermanent, url,
                "port " + std::to_string(url.port) + " is neither 80 nor 443" + advice));
  }
  auto found = options_.resolve(url.host, timeout, [this] { options_.alive(0); });
  if (!found) {
    return std::unexpected(
        Failure(found.error().transient ? ErrorClass::kTransient : ErrorClass::kPermanent, url,
                found.error().message));
  }
  if (listed) return *std::move(found);
  std::string reason;
  std::erase_if(*found, [&](const Address& address) {
    const auto why = WhyRefused(address);
    if (why) reason = Text(address) + " is " + std::string(*why);
    return why.has_value();
  });
  if (found->empty()) return std::unexpected(Failure(ErrorClass::kPermanent, url, reason + advice));
  return *std::move(found);
}

void PageFetcher::Prepare(Transfer& transfer) {
  CURL* easy = easy_;
  curl_easy_setopt(easy, CURLOPT_URL, transfer.url.text.c_str());
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer.error);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, &transfer);
}

// The one loop that does the work and says that it lives. A failure ends the transfer early.
std::optional<FetchFailure> PageFetcher::RunLoop(const Transfer& transfer) {
  const FetchLimits& limits = options_.limits;
  SteadyTime window_end{};
  std::int64_t window_start_bytes = 0;
  int running = 1;
  while (true) {
    curl_multi_perform(multi_, &running);
    const SteadyTime now = os::SystemClock().SteadyNow();
    const std::int64_t received = transfer.Received();
    options_.alive(transfer.bytes_before + received);
    if (running == 0) return std::nullopt;
    if (now >= transfer.deadline) {
      return Failure(ErrorClass::kTransient, transfer.url,
                     (transfer.header_bytes == 0 ? "no answer within " : "not complete within ") +
                         Words(limits.timeout));
    }
    if (transfer.header_bytes > 0 && now >= window_end) {
      if (window_end != SteadyTime{} && received - window_start_bytes < limits.low_speed_bytes) {
        return Failure(ErrorClass::kTransient, transfer.url,
                       "it came slower than " + std::to_string(limits.low_speed_bytes) +
                           " bytes in " + Words(limits.low_speed_window));
      }
      window_end = now + limits.low_speed_window;
      window_start_bytes = received;
    }
    const auto left = std::chrono::ceil<Millis>(transfer.deadline - now);
    curl_multi_poll(multi_, nullptr, 0, static_cast<int>(std::min(limits.tick, left).count()),
                    nullptr);
  }
}

std::optional<FetchFailure> PageFetcher::Perform(Transfer& transfer) {
  Prepare(transfer);
  // The name is already resolved: curl gets the checked addresses and asks nobody.
  std::string entry = transfer.url.host + ":" + std::to_string(transfer.url.port) + ":";
  for (std::size_t i = 0; i < transfer.addresses.size(); ++i) {
    const Address& address = transfer.addresses[i];
    entry += (i > 0 ? "," : "") + (address.v6 ? "[" + Text(address) + "]" : Text(address));
  }
  using List = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;
  List resolved(nullptr, curl_slist_free_all);
  if (transfer.url.host.find(':') == std::string::npos)
    resolved.reset(curl_slist_append(nullptr, entry.c_str()));
  const List headers(curl_slist_append(nullptr, ("Accept: " + transfer.request.accept).c_str()),
                     curl_slist_free_all);
  curl_easy_setopt(easy_, CURLOPT_RESOLVE, resolved.get());
  curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers.get());

  curl_multi_add_handle(multi_, easy_);
  const struct Remove {
    CURLM* multi;
    CURL* easy;
    ~Remove() {
      curl_multi_remove_handle(multi, easy);
      curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, nullptr);
      curl_easy_setopt(easy, CURLOPT_RESOLVE, nullptr);
      curl_easy_setopt(easy, CURLOPT_HTTPHEADER, nullptr);
    }
  } remove{multi_, easy_};

  if (auto failure = RunLoop(transfer)) return failure;
  int queued = 0;
  const CURLMsg* message = curl_multi_info_read(multi_, &queued);
  const CURLcode code = message != nullptr ? message->data.result : CURLE_RECV_ERROR;
  if (!transfer.abort_reason.empty())
    return Failure(ErrorClass::kPermanent, transfer.url, transfer.abort_reason);
  if (code == CURLE_OK || transfer.cut) return std::nullopt;
  if (transfer.refused_socket) {
    return Failure(ErrorClass::kPermanent, transfer.url,
                   *transfer.refused_socket + " is not the checked address");
  }
  const auto [error_class, why] = Explain(code, transfer.error, options_.limits);
  return Failure(error_class, transfer.url, why);
}

std::expected<Page, FetchFailure> PageFetcher::Fetch(const FetchRequest& request) {
  if (easy_ == nullptr || multi_ == nullptr) {
    return std::unexpected(
        Failure(ErrorClass::kTransient, request.url, "there is no memory for it"));
  }
  const FetchLimits& limits = options_.limits;
  SteadyTime deadline = os::SystemClock().SteadyNow() + limits.timeout;
  const int max_redirects = request.max_redirects.value_or(limits.max_redirects);
  Url url = request.url;
  std::int64_t bytes = 0;
  for (int hop = 0; hop <= max_redirects; ++hop) {
    if (request.permit) {  // its time is its own
      const SteadyTime asked = os::SystemClock().SteadyNow();
      if (auto refusal = request.permit(url)) return std::unexpected(*std::move(refusal));
      deadline += os::SystemClock().SteadyNow() - asked;
    }
    auto addresses = CheckedAddresses(url, limits.connect_timeout);
    if (!addresses) return std::unexpected(std::move(addresses.error()));
    Transfer transfer{
        request, limits, easy_, url, *std::move(addresses), deadline, bytes, {}, {}, {}, {}, 0,
        false,   {},     {},    {}};
    if (auto failure = Perform(transfer)) return std::unexpected(*std::move(failure));
    bytes += transfer.Received();
    long status = 0;
    curl_easy_getinfo(static_cast<CURL*>(easy_), CURLINFO_RESPONSE_CODE, &status);
    if (!IsRedirect(status) || transfer.location.empty()) {
      return Page{url,
                  static_cast<int>(status),
                  transfer.content_type,
                  transfer.retry_after,
                  std::move(transfer.body),
                  os::SystemClock().Now(),
                  transfer.cut};
    }
    const auto next = ResolveUrl(url, transfer.location);
    if (!next) {
      return std::unexpected(Failure(ErrorClass::kPermanent, url,
                                     "it redirects to something that is not an http or https URL"));
    }
    url = *next;
  }
  FetchFailure failure =
      Failure(ErrorClass::kPermanent, request.url,
              "it redirects more than " + std::to_string(max_redirects) + " times");
  failure.too_many_redirects = true;
  return std::unexpected(std::move(failure));
}

}  // namespace forager::collectors
