// An HTTP/1.1 server that knows nothing of jobs: limits on headers, bodies, slow clients and
// connections, keep-alive and pipelining, gzip, server-sent events. Own threads; handlers answer
// whenever they like, from any thread, through Reply.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/tls_context.h"
#include "job/error.h"

namespace forager::http {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string id;  // X-Request-Id: the client's, if sane, else made here
  std::string method;
  std::string path;                                        // percent-decoded
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in order
  Headers headers;
  std::string body;
  std::string peer;                                      // address of the client
  bool head_only = false;                                // it was HEAD, and `method` says GET
  std::string_view Header(std::string_view name) const;  // "" when absent; case-insensitive
};

// Server-sent events: the handler keeps the stream and writes to it from any thread until Closed().
class EventStream {
 public:
  virtual ~EventStream() = default;
  // False when the client is gone or too slow (more than 1 MiB waits): the stream is then closed.
  virtual bool Send(std::string text) = 0;
  virtual bool Closed() const = 0;
};

struct Response {
  int status = 200;
  Headers headers;
  std::string body;
  std::string content_type = "application/json";
  bool to_stranger = false;  // to nobody known: his idle connection makes room for others
  std::function<void(std::shared_ptr<EventStream>)> stream;  // set: the body is this stream
};

using Reply = std::function<void(Response)>;  // call exactly once; dropping it answers 500
using Handler =
    std::function<void(Request, Reply)>;  // called on the server's thread: must not block

// Whether the body of a request may come: none, or the answer instead of it. Any thread, once.
using Admission = std::function<void(std::optional<Response>)>;
// Asked with the head of each request whose body has not come with it, before any of it is read.
using Admit = std::function<void(Request head, Admission)>;

struct ServerOptions {
  TlsFiles tls{};                         // empty: plain HTTP
  std::string listen = "127.0.0.1:8080";  // host:port or [v6]:port; port 0 picks one
  // "/forager": where a proxy serves us. Taken off the path of a request that has it, and put before
  // what an answer's Location names.
  std::string base_path{};
  std::size_t max_header_bytes = 16 * 1024;
  std::size_t max_body_bytes = 1024 * 1024;
  std::function<std::size_t(std::string_view method, std::string_view path)>
      body_limit{};                                // per route, instead
  Admit admit{};                                   // none: every body is read
  int max_connections = 1'000;                     // more: 503, Retry-After, closed
  int max_connections_per_address = 0;             // the same; 0: no limit of its own
  std::vector<std::string> trusted_proxies{};      // whose connections are of many clients
  std::chrono::milliseconds read_timeout{15'000};  // a whole request head, or 64 KiB of body
  std::chrono::milliseconds idle_timeout{75'000};
  std::chrono::milliseconds write_timeout{30'000};
  // Errors the server itself answers (400, 408, 413, 431, 503): as the API words them.
  std::function<Response(int status, const std::string& detail)> problem{};
};

class Server {
 public:
  virtual ~Server() = default;  // stops: closes listeners, finishes within 5 s
  static Result<std::unique_ptr<Server>> Listen(ServerOptions options, Handler handler);
  virtual std::string url() const = 0;  // http://HOST:PORT, or https
  // Of a server that speaks TLS: new connections get these; open ones keep what they have. On an
  // error nothing changes.
  virtual Result<void> ReloadTls(const TlsFiles& files) = 0;
  virtual std::string public_key_pin() const = 0;  // "" without TLS
  virtual void StopAccepting() = 0;
  struct Figures {
    std::uint64_t requests = 0, connections = 0, refused = 0;
  };
  virtual Figures figures() const = 0;
};

}  // namespace forager::http
