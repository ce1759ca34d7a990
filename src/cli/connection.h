// Where the server is and who we are: FORAGER_URL and FORAGER_TOKEN, or server.json and admin.token
// of the data directory. A token from a data directory goes to that directory's server only.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "http/client.h"
#include "job/error.h"

namespace forager::cli {

inline constexpr std::string_view kBase = "/v1/admin/collection";

// What a call's error says that was ended by a signal or a key.
inline constexpr std::string_view kInterruptedCall = "interrupted";

struct Connection {
  std::string url{};
  std::string token{};
  std::string data_dir{};        // looked at
  bool from_data_dir = false;    // the url is of its server.json
  std::string ca_file{};         // FORAGER_CA_FILE: authorities to trust for https
  std::string public_key_pin{};  // of server.json
  std::string idempotency_key{};
  // Set while something else must be looked at too: signals, keys. An interrupted call is an error.
  std::function<void(http::ClientRequest&)> attend{};

  // After a restart the server of a data directory may have another address.
  void FindAgain();
  http::ClientRequest Request(const std::string& method, const std::string& path) const;
  // One call of the API; an answer that is no success is an error with its detail. Not reached at
  // all: kUnavailable without retry_after.
  Result<std::string> Call(const std::string& method, const std::string& path,
                           const std::string& body = "") const;
};

// `url` and `data_dir` as given on the command line, or "".
Result<Connection> FindServer(const std::string& url, const std::string& data_dir,
                              const std::map<std::string, std::string>& environment);
// Given, FORAGER_DATA_DIR, ./forager-data, or /var/lib/forager if only that is there.
std::string FindDataDir(const std::string& data_dir,
                        const std::map<std::string, std::string>& environment);

// An answer of this status as an error, with what its body tells.
Error ErrorOf(const http::ClientResponse& answer);

}  // namespace forager::cli
